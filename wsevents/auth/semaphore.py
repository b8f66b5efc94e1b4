"""So many at once, so many waiting for their turn, and everybody else is sent away."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from wsevents.api.errors import WseventsError


class QueueFullError(WseventsError):
    """As many are waiting as may wait."""


@define(eq=False)
class Semaphore:
    """Lets `inside` pass at once; up to `waiting` wait, first come, first served."""

    inside: int
    waiting: int
    _passed: int = field(default=0, init=False)
    # Ordered, so that one who gives up in the middle leaves at no cost.
    _queue: OrderedDict[Deferred[None], None] = field(factory=OrderedDict, init=False)

    def enter(self) -> Deferred[None]:
        """Wait for one's turn, and then `leave` when done. Who cancels the wait never had a turn.

        Raises:
            CrowdedError: too many are waiting.
        """
        if self._passed < self.inside:
            self._passed += 1
            return succeed(None)
        if len(self._queue) >= self.waiting:
            raise QueueFullError("too many requests are waiting for it")
        turn: Deferred[None] = Deferred(lambda turn: self._queue.pop(turn, None))
        self._queue[turn] = None
        return turn

    def leave(self) -> None:
        """Make room; the next one's turn comes at once."""
        if self._queue:
            turn, _ = self._queue.popitem(last=False)
            turn.callback(None)
        else:
            self._passed -= 1
