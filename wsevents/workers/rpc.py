"""Requests and responses between the supervisor and a worker, over two pipes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred  # noqa: A004 it is Twisted's name
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from wsevents.api.errors import WseventsError
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TO_WORKER, FROM_WORKER = 4, 5
"""The descriptors of the pipes in a worker."""
ANSWER_SECONDS = 5.0
"""Timeout of a request. Prometheus waits ten seconds for the answers of all workers."""
_REQUEST, _RESULT, _ERROR = range(3)
_log = Logger()


class RpcError(WseventsError):
    """A request failed: the other process has exited, is not responding, or reported an error."""


class Rpc(Int32StringReceiver):
    """One end of the connection.

    Both ends run the same program and trust each other, so messages are pickled.

    Args:
        reactor: provides the timeouts.
        handlers: the requests that this end answers: name to a function that takes the argument and
            returns the result or a Deferred.
    """

    MAX_LENGTH = 1 << 30

    def __init__(self, reactor: Any, handlers: Mapping[str, Callable[[Any], Any]]) -> None:
        self._reactor, self._handlers = reactor, handlers
        self._open = False
        self._pending: dict[int, Deferred[Any]] = {}
        self._last = 0

    def connectionMade(self) -> None:
        self._open = True

    def ask(self, name: str, argument: Any = None, seconds: float = ANSWER_SECONDS) -> Deferred[Any]:
        """Send a request. The Deferred fires with the result, or fails with RpcError after the timeout."""
        self._last += 1
        number = self._last
        response: Deferred[Any] = Deferred()
        response.addTimeout(seconds, self._reactor)
        response.addErrback(_timeout_to_rpc_error)
        self._pending[number] = response
        response.addBoth(self._forget, number)
        if self._open:
            self._send(_REQUEST, number, name, argument)
        else:
            response.errback(RpcError("process has exited"))
        return response

    def _forget(self, result: Any, number: int) -> Any:
        self._pending.pop(number, None)
        return result

    def _send(self, *message: Any) -> None:
        if self._open:
            self.sendString(pickle.dumps(message))

    def stringReceived(self, string: bytes) -> None:
        """Handle a request or a response; ignore a response that arrives after its timeout."""
        kind, number, *rest = pickle.loads(string)  # noqa: S301 our own process wrote it
        if kind == _REQUEST:
            self._handle(number, *rest)
            return
        response = self._pending.get(number)
        if response is not None and kind == _RESULT:
            response.callback(rest[0])
        elif response is not None:
            response.errback(RpcError(rest[0]))

    def _handle(self, number: int, name: str, argument: Any) -> None:
        handled = maybeDeferred(self._handlers[name], argument)
        handled.addCallback(lambda result: self._send(_RESULT, number, result))
        handled.addErrback(self._handler_failed, number, name)

    def _handler_failed(self, failure: Failure, number: int, name: str) -> None:
        if failure.check(WseventsError):
            self._send(_ERROR, number, failure.getErrorMessage())
            return
        _log.error(
            "request {name} failed: {safe_location}",
            name=name,
            safe_location=safe_location(failure),
        )
        self._send(_ERROR, number, "internal error")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail all pending requests with RpcError."""
        self._open = False
        for response in list(self._pending.values()):
            response.errback(RpcError("process has exited"))


def _timeout_to_rpc_error(failure: Failure) -> Failure:
    return Failure(RpcError("not responding")) if failure.check(TimeoutError) else failure
