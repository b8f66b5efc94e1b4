"""A bus listener and a log observer whose records a test can await."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent
from zope.interface import implementer

from wsevents.api.interfaces import IBusListener

TIMEOUT = 60


@implementer(IBusListener)
class Ear:
    """Records the calls of the bus. Tests that wait continue in the next turn of the reactor.

    Attributes:
        deliveries: all deliveries so far.
        states: "up" and "down: why", in order.
        gaps: the reason of each loss of events.
        story: names of all calls, in order.
    """

    def __init__(self, react=None):
        self.deliveries = []
        self.states = []
        self.gaps = []
        self.story = []
        self._react = react
        self._waiting = []

    def delivered(self, delivery):
        self.story.append("delivered")
        self.deliveries.append(delivery)
        self._look()
        if self._react is not None:
            self._react(delivery)

    def events_lost(self, why):
        self.story.append("events_lost")
        self.gaps.append(why)
        self._look()

    def bus_lost(self, why):
        self.story.append("bus_lost")
        self.states.append(f"down: {why}")
        self._look()

    def bus_back(self):
        self.story.append("bus_back")
        self.states.append("up")
        self._look()

    def bus_failed(self, why):
        self.story.append("bus_failed")
        self._look()

    @property
    def bodies(self):
        return [delivery.body for delivery in self.deliveries]

    def until(self, condition):
        """Fire when the condition holds; each call of the bus checks it."""
        waiter = Deferred()
        waiter.addTimeout(TIMEOUT, reactor)
        self._waiting.append((condition, waiter))
        self._look()
        return waiter

    def heard(self, count):
        """Fire when this number of messages has been delivered in total."""
        return self.until(lambda: len(self.deliveries) >= count)

    def ups(self, count):
        """Fire when the bus has connected this number of times."""
        return self.until(lambda: self.states.count("up") >= count)

    def fails(self, count=1):
        """Fire when this number of connection attempts has failed."""
        return self.until(lambda: self.story.count("bus_failed") >= count)

    def downs(self, count=1):
        """Fire when the bus was lost this number of times."""
        return self.until(lambda: self.story.count("bus_lost") >= count)

    def missed(self, count=1):
        """Fire when this number of gaps was reported."""
        return self.until(lambda: len(self.gaps) >= count)

    def _look(self):
        ready = [waiter for condition, waiter in self._waiting if condition()]
        self._waiting = [pair for pair in self._waiting if pair[1] not in ready]
        for waiter in ready:
            reactor.callLater(0, lambda waiter=waiter: waiter.called or waiter.callback(None))


class Logbook:
    """Records the log as text; a test can await a line."""

    def __init__(self):
        self.lines = []
        self._waiting = []

    def __call__(self, event):
        self.lines.append(formatEvent(event))
        ready = [waiter for words, waiter in self._waiting if words in self.lines[-1]]
        self._waiting = [pair for pair in self._waiting if pair[1] not in ready]
        for waiter in ready:
            reactor.callLater(0, lambda waiter=waiter: waiter.called or waiter.callback(None))

    def until(self, words):
        """Fire when a line with these words is logged after this call."""
        waiter = Deferred()
        waiter.addTimeout(TIMEOUT, reactor)
        self._waiting.append((words, waiter))
        return waiter

    def of(self, words):
        """Return the lines with these words."""
        return [line for line in self.lines if words in line]
