"""What every test is held to: no unhandled error, no timer left, an end in good time."""

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

PATIENCE = 300  # seconds: no test may take longer

# What is tested is on this machine, whatever proxy leads to all others.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", "127.0.0.1")))

# A shell without job control starts a background job with SIGINT ignored, and every child inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Examples of a property. `make test` and .ci/run use ci, `make test-nightly` uses nightly.
for profile, examples in {"dev": 20, "ci": 100, "nightly": 2000}.items():
    settings.register_profile(profile, UNHURRIED, max_examples=examples)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_itemcollected(item):
    """Give every test that waits for the reactor a last moment."""
    test = item.obj
    if hasattr(test, "hypothesis"):
        return  # pytest-twisted drives those itself, example by example

    @wraps(test)
    def limited(*arguments, **fixtures):
        from twisted.internet import reactor

        result = test(*arguments, **fixtures)
        if isinstance(result, Deferred):
            result.addTimeout(PATIENCE, reactor)
        return result

    item.obj = limited


def pytest_xdist_make_scheduler(config, log):
    """Distribute files to processes."""
    return Files(config, log)


def pytest_collection_modifyitems(config, items):
    """Begin with the slow files, if there are several processes."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: slow_first(item.nodeid))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """The driver and the DevTools of a browser, for all tests of a process."""
    from tests.support.browser import started  # selenium takes long to import

    with started(tmp_path_factory.mktemp("chromium")) as both:
        yield both


@pytest.fixture
def log():
    """What is logged during a test, as text."""
    from tests.support.bus_observer import Logbook  # it imports the reactor

    book = Logbook()
    globalLogPublisher.addObserver(book)
    yield book
    globalLogPublisher.removeObserver(book)
