"""Lookups at one server, with a timeout, a bounded queue and a log of outages.

Rule 1: every lookup is answered within the timeout, including the time in the queue.
Rule 2: a cancelled lookup is answered with Unavailable at once, and its request is cancelled.
Rule 3: a line is logged when the server stops answering, and when it answers again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred

from wsevents.api.errors import WseventsError
from wsevents.api.identity import Unavailable
from wsevents.auth.http_client import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from twisted.python.failure import Failure

    from wsevents.api.identity import Answer
    from wsevents.auth.outage_log import OutageLog
    from wsevents.auth.semaphore import Semaphore

_CANCELLED = "the lookup was cancelled"


@define(eq=False)
class WazoRequests:
    """The pending lookups at one server.

    Attributes:
        timeout: seconds for each lookup.
        reactor: IReactorTime.
        outages: logs the start and the end of an outage.
        semaphore: limits the concurrent requests.
    """

    timeout: float
    reactor: Any
    outages: OutageLog
    semaphore: Semaphore
    _closed: bool = field(default=False, init=False)
    _pending: dict[Deferred[Any], None] = field(factory=dict, init=False)

    def open(self) -> None:
        """Log failures as outages of the server."""
        self._closed = False

    def close(self) -> None:
        """Answer every pending lookup with Unavailable, and stop logging failures."""
        self._closed = True
        for work in reversed(tuple(self._pending)):  # the queued ones first, so that none gets a free slot
            work.cancel()

    def run(self, work: Coroutine[Deferred[Any], Any, Answer]) -> Deferred[Answer]:
        """Run a lookup. It always fires with an answer; if cancelled, with Unavailable at once."""
        done = self.within_time(work).addErrback(self._fail)
        caller: Deferred[Answer] = Deferred(lambda caller: self._cancel(caller, done))
        done.addCallback(self._deliver, caller)
        return caller

    async def with_slot(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Send a request when the semaphore has a free slot."""
        await self.semaphore.acquire()
        try:
            return await request()
        finally:
            self.semaphore.release()

    def within_time(self, work: Coroutine[Deferred[Any], Any, Any]) -> Deferred[Any]:
        """Run a coroutine. Fails with UnreachableError after the timeout, with CancelledError on `close`."""
        done: Deferred[Any] = Deferred.fromCoroutine(work)
        self._pending[done] = None
        done.addTimeout(self.timeout, self.reactor, self._timed_out)
        return done.addBoth(self._forget, done)

    def _forget(self, result: Any, done: Deferred[Any]) -> Any:
        del self._pending[done]
        return result

    def _timed_out(self, result: object, timeout: float) -> None:
        raise UnreachableError(f"no answer within {timeout:g} seconds")

    def _fail(self, failure: Failure) -> Unavailable:
        if failure.check(CancelledError):
            return Unavailable(_CANCELLED)
        known = failure.check(WseventsError)
        return Unavailable(
            str(failure.value) if known else f"unexpected error: {failure.value.__class__.__name__}"
        )

    def _cancel(self, caller: Deferred[Answer], work: Deferred[Any]) -> None:
        caller.callback(Unavailable(_CANCELLED))
        work.cancel()

    def _deliver(self, answer: Answer, caller: Deferred[Answer]) -> None:
        """Answer the caller and record success or failure.

        Cancelled work says nothing about the server. While connecting it fails with DNSLookupError.
        """
        if caller.called:
            return
        if not isinstance(answer, Unavailable):
            self.outages.succeeded()
        elif not self._closed:
            self.outages.failed(answer.why)
        caller.callback(answer)
