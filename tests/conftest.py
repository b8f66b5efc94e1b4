"""Rules for every test: no unhandled error, no timer left, and a time limit."""

import os
import signal
from functools import wraps

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from tests.support.rabbitmq import rabbitmq
from tests.support.schedule import Files, slow_first
from tests.support.unhandled import errors, errors_of_the_session, pytest_collection_finish

__all__ = [
    "chromium",
    "errors",
    "errors_of_the_session",
    "pytest_collection_finish",
    "rabbitmq",
]  # for every test

TIMEOUT = 300  # seconds for one test

# Connections to this machine must not go through a proxy.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", "127.0.0.1")))

# The tests start hundreds of processes: Python keeps what it compiles for them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell without job control starts a background job with SIGINT ignored, and every child inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The duration of an example depends on the machine, so it has no deadline.
WITHOUT_DEADLINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Examples of a property. `make test` and .ci/run use ci, `make test-nightly` uses nightly.
for profile, examples in {"dev": 20, "ci": 100, "nightly": 2000}.items():
    settings.register_profile(profile, WITHOUT_DEADLINE, max_examples=examples)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_itemcollected(item):
    """Add a timeout to every test that returns a Deferred."""
    test = item.obj
    if hasattr(test, "hypothesis"):
        return  # pytest-twisted runs each example itself

    @wraps(test)
    def limited(*arguments, **fixtures):
        from twisted.internet import reactor

        result = test(*arguments, **fixtures)
        if isinstance(result, Deferred):
            result.addTimeout(TIMEOUT, reactor)
        return result

    item.obj = limited


def pytest_xdist_make_scheduler(config, log):
    """Distribute files to processes."""
    return Files(config, log)


def pytest_collection_modifyitems(config, items):
    """Run the slow files first, if there are several processes."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: slow_first(item.nodeid))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """The driver and the DevTools of a browser, shared by all tests of a process."""
    from tests.support.browser import started  # selenium takes long to import

    with started(tmp_path_factory.mktemp("chromium")) as both:
        yield both


@pytest.fixture
def log():
    """The log of a test, as text."""
    from tests.support.bus_observer import Logbook  # it imports the reactor

    book = Logbook()
    globalLogPublisher.addObserver(book)
    yield book
    globalLogPublisher.removeObserver(book)
