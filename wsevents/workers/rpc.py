"""Questions between the supervisor and a worker, and their answers: two pipes beside the channel."""

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
"""How long an answer may take: Prometheus waits for ten seconds, all workers together."""
_ASK, _ANSWER, _FAIL = range(3)
_log = Logger()


class RpcError(WseventsError):
    """There is no answer: the other side is gone, hangs, or failed."""


class Rpc(Int32StringReceiver):
    """One end. Both ends run the same program, and trust each other: what they say is pickled.

    Args:
        reactor: time.
        answers: what may be asked here: name to what answers, at once or by a Deferred.
    """

    MAX_LENGTH = 1 << 30

    def __init__(self, reactor: Any, answers: Mapping[str, Callable[[Any], Any]]) -> None:
        self._reactor, self._answers = reactor, answers
        self._open = False
        self._asked: dict[int, Deferred[Any]] = {}
        self._last = 0

    def connectionMade(self) -> None:
        """Take questions from now on."""
        self._open = True

    def ask(self, name: str, argument: Any = None, seconds: float = ANSWER_SECONDS) -> Deferred[Any]:
        """Ask the other side; fires with its answer, fails with LinkError if there is none in time."""
        self._last += 1
        number = self._last
        asked: Deferred[Any] = Deferred()
        asked.addTimeout(seconds, self._reactor)
        asked.addErrback(_explain)
        self._asked[number] = asked
        asked.addBoth(self._forget, number)
        if self._open:
            self._say(_ASK, number, name, argument)
        else:
            asked.errback(RpcError("it is gone"))
        return asked

    def _forget(self, result: Any, number: int) -> Any:
        self._asked.pop(number, None)
        return result

    def _say(self, *message: Any) -> None:
        if self._open:
            self.sendString(pickle.dumps(message))

    def stringReceived(self, string: bytes) -> None:
        """Answer a question, or take an answer; one that comes too late counts for nothing."""
        kind, number, *rest = pickle.loads(string)  # noqa: S301 our own process wrote it
        if kind == _ASK:
            self._answer(number, *rest)
            return
        asked = self._asked.get(number)
        if asked is not None and kind == _ANSWER:
            asked.callback(rest[0])
        elif asked is not None:
            asked.errback(RpcError(rest[0]))

    def _answer(self, number: int, name: str, argument: Any) -> None:
        answered = maybeDeferred(self._answers[name], argument)
        answered.addCallback(lambda answer: self._say(_ANSWER, number, answer))
        answered.addErrback(self._fail, number, name)

    def _fail(self, failure: Failure, number: int, name: str) -> None:
        if failure.check(WseventsError):
            self._say(_FAIL, number, failure.getErrorMessage())
            return
        _log.error(
            "the question {name} could not be answered: {safe_location}",
            name=name,
            safe_location=safe_location(failure),
        )
        self._say(_FAIL, number, "it failed")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nobody will answer any more."""
        self._open = False
        for asked in list(self._asked.values()):
            asked.errback(RpcError("it is gone"))


def _explain(failure: Failure) -> Failure:
    return Failure(RpcError("it does not answer")) if failure.check(TimeoutError) else failure
