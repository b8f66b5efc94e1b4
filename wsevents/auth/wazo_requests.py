"""Questions that are put to a server: each is answered in time, whatever becomes of it.

Rule 1: every question is answered within the timeout, waiting for its turn included.
Rule 2: who withdraws a question is answered at once, and what was under way for it ends.
Rule 3: the operator hears when the server stops answering, and when it answers again.
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

_WITHDRAWN = "the question was withdrawn"


@define(eq=False)
class WazoRequests:
    """The questions under way to one server.

    Attributes:
        timeout: seconds for each.
        reactor: has the time.
        health: is told how it goes.
        turnstile: who may ask at the same time.
    """

    timeout: float
    reactor: Any
    outages: OutageLog
    semaphore: Semaphore
    _closed: bool = field(default=False, init=False)
    _pending: dict[Deferred[Any], None] = field(factory=dict, init=False)

    def open(self) -> None:
        """From now on failures are the server's."""
        self._closed = False

    def close(self) -> None:
        """Answer what is pending with Unavailable."""
        self._closed = True
        for asked in reversed(tuple(self._pending)):  # who waits before who would make room
            asked.cancel()

    def put(self, work: Coroutine[Deferred[Any], Any, Answer]) -> Deferred[Answer]:
        """Run what finds the answer. It always fires with one; cancelled, with Unavailable at once."""
        done = self.within_time(work).addErrback(self._fail)
        asker: Deferred[Answer] = Deferred(lambda asker: self._withdraw(asker, done))
        done.addCallback(self._deliver, asker)
        return asker

    async def in_turn(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Make a request when it is its turn."""
        await self.semaphore.enter()
        try:
            return await request()
        finally:
            self.semaphore.leave()

    def within_time(self, work: Coroutine[Deferred[Any], Any, Any]) -> Deferred[Any]:
        """Run a coroutine; it fails with UnreachableError after the timeout, or when this is closed."""
        done: Deferred[Any] = Deferred.fromCoroutine(work)
        self._pending[done] = None
        done.addTimeout(self.timeout, self.reactor, self._out_of_time)
        return done.addBoth(self._forget, done)

    def _forget(self, result: Any, done: Deferred[Any]) -> Any:
        del self._pending[done]
        return result

    def _out_of_time(self, result: object, timeout: float) -> None:
        raise UnreachableError(f"no answer within {timeout:g} seconds")

    def _fail(self, failure: Failure) -> Unavailable:
        if failure.check(CancelledError):
            return Unavailable(_WITHDRAWN)
        known = failure.check(WseventsError)
        return Unavailable(str(failure.value) if known else f"unforeseen: {failure.value.__class__.__name__}")

    def _withdraw(self, asker: Deferred[Answer], work: Deferred[Any]) -> None:
        asker.callback(Unavailable(_WITHDRAWN))
        work.cancel()

    def _deliver(self, answer: Answer, asker: Deferred[Answer]) -> None:
        """Answer, and keep the operator informed.

        How work ends that was cancelled says nothing about the server: amid connecting it is DNSLookupError.
        """
        if asker.called:
            return
        if not isinstance(answer, Unavailable):
            self.outages.worked()
        elif not self._closed:
            self.outages.failed(answer.why)
        asker.callback(answer)
