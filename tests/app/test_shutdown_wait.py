import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from wsevents.app.shutdown_wait import ShutdownWait


class Waiting:
    """Waits 10 s for something, 2 s in a hurry."""

    def __init__(self):
        self.clock, self.awaited = Clock(), Deferred()
        self.shutdown_wait = ShutdownWait(self.clock)

    def begin(self):
        self.over = Deferred.fromCoroutine(self.shutdown_wait.wait(self.awaited, 10.0, 2.0))
        return self

    def lasts(self, seconds):
        """Check that it takes so long from now on, and leaves nothing."""
        self.clock.advance(seconds - 0.01)
        assert not self.over.called
        self.clock.advance(0.02)
        assert self.over.called
        assert not self.clock.getDelayedCalls()


def test_it_waits_so_long_at_most():
    Waiting().begin().lasts(10)


def test_what_is_waited_for_ends_it():
    waiting = Waiting().begin()
    waiting.awaited.callback(None)
    assert waiting.over.called
    assert not waiting.clock.getDelayedCalls()


def test_a_hurry_shortens_the_rest():
    waiting = Waiting().begin()
    waiting.clock.advance(5)
    waiting.shutdown_wait.hurry()
    waiting.lasts(2)


def test_a_hurry_never_makes_it_longer():
    waiting = Waiting().begin()
    waiting.clock.advance(9)
    waiting.shutdown_wait.hurry()
    waiting.lasts(1)


def test_who_is_in_a_hurry_from_the_start_hardly_waits():
    waiting = Waiting()
    waiting.shutdown_wait.hurry()
    waiting.begin().lasts(2)


@pytest_twisted.ensureDeferred
async def test_a_failure_is_not_swallowed():
    waiting = Waiting().begin()
    waiting.awaited.errback(ValueError())
    with pytest.raises(ValueError):
        await waiting.over
