"""No test leaves an unhandled error or a delayed call behind: `errors`, which every test has.

Twisted reports the failure of an abandoned Deferred when the garbage collector finds the Deferred. A full
collection after each of thousands of tests takes minutes, because it visits every object of the process.
So the objects that exist before a test are frozen (`gc.freeze`, which takes constant time), and the
collection after the test visits only the objects of this test. So the error is reported at the test that
left the Deferred.

A Deferred that outlives its test and is abandoned later is frozen by then. One full collection at the end
of the session finds it: the last test of the process gets an error that says so.
"""

import gc

import pytest
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

EARLIER = "an earlier test left this behind; to find it, run the files one by one"


class Errors:
    """Failures and errors that were logged during a test; each must be expected.

    An error is recorded as its text, which names the type of the exception.
    """

    def __init__(self):
        self.failures = []

    def __call__(self, event):
        if event.get("log_failure") is not None:
            self.failures.append(event["log_failure"])
        elif event.get("log_level") in {LogLevel.error, LogLevel.critical}:
            self.failures.append(formatEvent(event))

    def flush(self, *types):
        """Return the failures of these types, and count them as expected."""
        gc.collect()
        expected = [failure for failure in self.failures if _is_of(failure, types)]
        self.failures = [failure for failure in self.failures if failure not in expected]
        return expected


def _is_of(failure, types):
    if isinstance(failure, str):
        return any(f"{kind.__name__} at " in failure for kind in types)
    return failure.check(*types)


def pytest_collection_finish(session):
    """Remove the garbage of the imports before the first test freezes it."""
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def errors_of_the_session():
    """Fail if an object that outlived its test has an unhandled error."""
    yield
    observer = Errors()
    globalLogPublisher.addObserver(observer)
    gc.unfreeze()
    gc.collect()
    globalLogPublisher.removeObserver(observer)
    assert not observer.failures, f"{EARLIER}: {observer.failures}"


@pytest.fixture(autouse=True)
def errors(errors_of_the_session):
    """Fail a test that leaves an unhandled error or a delayed call behind."""
    from twisted.internet import reactor

    observer = Errors()
    timers = set(reactor.getDelayedCalls())
    globalLogPublisher.addObserver(observer)
    gc.freeze()
    yield observer
    gc.collect()
    globalLogPublisher.removeObserver(observer)
    left = [str(call) for call in reactor.getDelayedCalls() if call not in timers]
    assert not observer.failures, observer.failures
    assert not left, left
