"""What every test is held to: no unhandled error, no timer left."""

import gc

import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import LogLevel, globalLogPublisher

# How long an example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


class Errors:
    """Failures that were logged during a test; each must be expected."""

    def __init__(self):
        self.failures = []

    def __call__(self, event):
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])
        elif event.get("log_level") is LogLevel.critical:
            self.failures.append(event.get("log_format"))

    def flush(self, *types):
        """Return, and no longer hold against the test, the failures of these types."""
        gc.collect()
        expected = [failure for failure in self.failures if failure.check(*types)]
        self.failures = [failure for failure in self.failures if failure not in expected]
        return expected


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
