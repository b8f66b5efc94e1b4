"""A semaphore with a bounded queue."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from wsevents.api.errors import WseventsError


class QueueFullError(WseventsError):
    """The queue of a semaphore is full."""


@define(eq=False)
class Semaphore:
    """Lets `limit` holders in at the same time; up to `queue_limit` more wait in order of arrival."""

    limit: int
    queue_limit: int
    _holders: int = field(default=0, init=False)
    # An OrderedDict removes a cancelled waiter in constant time.
    _queue: OrderedDict[Deferred[None], None] = field(factory=OrderedDict, init=False)

    def acquire(self) -> Deferred[None]:
        """Wait for a free slot; call `release` afterwards. A cancelled wait needs no `release`.

        Raises:
            QueueFullError: `queue_limit` callers are waiting.
        """
        if self._holders < self.limit:
            self._holders += 1
            return succeed(None)
        if len(self._queue) >= self.queue_limit:
            raise QueueFullError("too many requests are queued")
        waiter: Deferred[None] = Deferred(lambda waiter: self._queue.pop(waiter, None))
        self._queue[waiter] = None
        return waiter

    def release(self) -> None:
        """Free a slot; the first waiter, if any, gets it at once."""
        if self._queue:
            waiter, _ = self._queue.popitem(last=False)
            waiter.callback(None)
        else:
            self._holders -= 1
