"""What every test is held to: no unhandled error, no timer left, an end in good time."""

import gc
import os
from functools import wraps

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from tests.rabbitmq import rabbitmq

__all__ = ["rabbitmq"]  # one node for the whole run

PATIENCE = 300  # seconds: no test may take longer

# What is tested is on this machine, whatever proxy leads to all others.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost", "127.0.0.1")))

# How long an example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


class Errors:
    """Failures and errors that were logged during a test; each must be expected.

    An error is its text; one that blames an exception names its kind.
    """

    def __init__(self):
        self.failures = []

    def __call__(self, event):
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])
        elif event.get("log_level") in {LogLevel.error, LogLevel.critical}:
            self.failures.append(formatEvent(event))

    def flush(self, *types):
        """Return, and no longer hold against the test, the failures of these types."""
        gc.collect()
        expected = [failure for failure in self.failures if _is_of(failure, types)]
        self.failures = [failure for failure in self.failures if failure not in expected]
        return expected


def _is_of(failure, types):
    if isinstance(failure, str):
        return any(f"{kind.__name__} at " in failure for kind in types)
    return failure.check(*types)


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


def pytest_collection_finish(session):
    """Make the collections below cheap: what was imported is never garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def errors():
    """Fail a test that leaves an unhandled error or a delayed call behind."""
    from twisted.internet import reactor

    observer = Errors()
    timers = set(reactor.getDelayedCalls())
    globalLogPublisher.addObserver(observer)
    yield observer
    gc.collect()
    globalLogPublisher.removeObserver(observer)
    left = [str(call) for call in reactor.getDelayedCalls() if call not in timers]
    assert not observer.failures, observer.failures
    assert not left, left


@pytest.fixture
def log():
    """What is logged during a test, as text."""
    from tests.buses.ear import Logbook  # it imports the reactor

    book = Logbook()
    globalLogPublisher.addObserver(book)
    yield book
    globalLogPublisher.removeObserver(book)
