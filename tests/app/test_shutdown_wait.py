import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from wsevents.app.shutdown_wait import ShutdownWait


class Waiting:
    """Waits 10 s, or 2 s once expedited."""

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


def test_a_wait_ends_at_its_timeout():
    Waiting().begin().lasts(10)


def test_the_awaited_deferred_ends_the_wait():
    waiting = Waiting().begin()
    waiting.awaited.callback(None)
    assert waiting.over.called
    assert not waiting.clock.getDelayedCalls()


def test_a_second_signal_shortens_the_rest():
    waiting = Waiting().begin()
    waiting.clock.advance(5)
    waiting.shutdown_wait.shorten()
    waiting.lasts(2)


def test_a_second_signal_never_lengthens_the_wait():
    waiting = Waiting().begin()
    waiting.clock.advance(9)
    waiting.shutdown_wait.shorten()
    waiting.lasts(1)


def test_after_a_second_signal_waits_are_short_from_the_start():
    waiting = Waiting()
    waiting.shutdown_wait.shorten()
    waiting.begin().lasts(2)


@pytest_twisted.ensureDeferred
async def test_a_failure_is_not_swallowed():
    waiting = Waiting().begin()
    waiting.awaited.errback(ValueError())
    with pytest.raises(ValueError):
        await waiting.over
