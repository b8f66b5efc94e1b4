"""Runs one session: passes it facts and messages, and executes the effects it returns. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.api.effects import Accept, Ask, Close, Respond, Send, SetTimer, Subscribe
from wsevents.api.identity import Unavailable
from wsevents.core.inbox import Inbox
from wsevents.core.token_bucket import TokenBucket
from wsevents.core.websocket_frames import text_frames
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.internet.defer import Deferred

    from wsevents.api.close_reasons import CloseReason
    from wsevents.api.effects import Effect
    from wsevents.api.identity import Answer, Identity
    from wsevents.api.interfaces import ISession
    from wsevents.connections.gateway_state import GatewayState, ServedDialect
    from wsevents.core.inbox import Fact
    from wsevents.delivery.send_queue import SendQueue

_RATE = "rate"
_log = Logger()


class PeerConnection(Protocol):
    """The connection of a peer, as its runner uses it.

    Attributes:
        outbound: the queue of events for the peer.
    """

    outbound: SendQueue

    def respond(self, refusal: Respond) -> None:
        """Answer the request with an HTTP error."""

    def accept(self, headers: Mapping[str, str]) -> None:
        """Answer the request with an upgrade."""

    def reply(self, frames: bytes) -> None:
        """Queue bytes of WebSocket frames."""

    def close(self, reason: CloseReason, why: str = "") -> None:
        """Close the session; calls `SessionRunner.stop`."""

    def fail(self) -> None:
        """Close the session after an error of the gateway."""

    def read(self, *, wanted: bool) -> None:
        """Resume or pause reading from the peer."""


class SessionRunner:
    """One session, with its open questions, timers and subscriptions.

    Attributes:
        served: its dialect and authority.
    """

    def __init__(
        self,
        gateway_state: GatewayState,
        served: ServedDialect,
        session: ISession,
        connection: PeerConnection,
    ) -> None:
        self.served = served
        self._gateway_state = gateway_state
        self._session = session
        self._connection = connection
        self._inbox = Inbox()
        self._bucket = TokenBucket(gateway_state.limits.messages_per_second)
        self._questions: dict[int, Deferred[Any]] = {}
        self._timers: set[str] = set()
        self._processing = False

    @property
    def identity(self) -> Identity | None:
        """The identity of the peer; None until the session has it."""
        return self._session.identity

    @property
    def awaits_answer(self) -> bool:
        """Whether the authority has not yet answered a question."""
        return bool(self._questions)

    # -- facts -------------------------------------------------------------------------

    def notify(self, fact: Fact) -> None:
        """Pass a fact to the session, after the facts before it."""
        self._inbox.add_fact(fact)
        self._process()

    def receive(self, message: str | bytes) -> None:
        """Pass a message of the peer to the session: text, or binary as bytes."""
        self._inbox.receive(message)
        self._process()

    def charge(self) -> None:
        """Count a message; above the permitted rate, pause reading from the peer."""
        keepalive = self._gateway_state.keepalive
        wait = self._bucket.take(keepalive.now())
        if wait > 0:
            self._inbox.hold(_RATE)
            keepalive.after(self._rate_released, _RATE, wait)
            self._update_reading()

    def stop(self) -> None:
        """Pass nothing more to the session; cancel its questions, timers and subscriptions."""
        self._inbox.end()
        self._subscribe(Subscribe(frozenset()))
        for question in list(self._questions.values()):
            question.cancel()
        for name in self._timers:
            self._gateway_state.expiry.clear(self._timer_fired, name)
        self._timers.clear()
        self._gateway_state.keepalive.clear(self._rate_released, _RATE)
        self._update_reading()

    def _rate_released(self, _: str) -> None:
        self._inbox.release(_RATE)
        self._process()

    def _timer_fired(self, name: str) -> None:
        self._timers.discard(name)
        self.notify(lambda session, now: session.timer_fired(name, now))

    # -- processing ------------------------------------------------------------

    def _process(self) -> None:
        """Work through the inbox; never nested, so that effects stay in order."""
        if self._processing:
            return
        self._processing = True
        try:
            while (effects := self._next()) is not None:
                for effect in effects:
                    if not self._inbox.ended:
                        _EXECUTE[type(effect)](self, effect)
        except Exception:  # noqa: BLE001 an error must affect this peer only
            _log.error("a session failed: {safe_location}", safe_location=safe_location(Failure()))
            self._connection.fail()
        finally:
            self._processing = False
        self._update_reading()

    def _next(self) -> Sequence[Effect] | None:
        """Pass the next fact or message to the session; return its effects, or None if nothing waits."""
        fact = self._inbox.next_fact()
        if fact is not None:
            return fact(self._session, self._gateway_state.now())
        message = self._inbox.next_message()
        if message is None:
            return None
        self.charge()
        return self._session.received(message, self._gateway_state.now())

    def _update_reading(self) -> None:
        self._connection.read(wanted=self._inbox.reads)

    # -- effects ----------------------------------------------------------------

    def _respond(self, effect: Respond) -> None:
        self._connection.respond(effect)

    def _accept(self, effect: Accept) -> None:
        self._connection.accept(dict(effect.headers))

    def _ask(self, effect: Ask) -> None:
        if effect.hold:
            self._inbox.hold(effect.id)
        answer = self.served.authority.answer(effect.question, self._gateway_state.now())
        self._questions[effect.id] = answer
        answer.addErrback(self._authority_failed)
        answer.addCallback(self._answered, effect.id)

    def _authority_failed(self, failure: Failure) -> Answer:
        if not failure.check(CancelledError):
            _log.error(
                "an authority failed: {safe_location}",
                safe_location=safe_location(failure),
            )
        return Unavailable("the authority failed")

    def _answered(self, answer: Answer, question_id: int) -> None:
        self._questions.pop(question_id, None)
        self._inbox.release(question_id)
        self.notify(lambda session, now: session.answered(question_id, answer, now))

    def _subscribe(self, effect: Subscribe) -> None:
        changes = self._gateway_state.relay.subscribe(
            self.served.dialect, self._connection.outbound, effect.interests
        )
        added, removed = changes.bindings
        if added or removed:
            self._gateway_state.bindings.change(added, removed).addCallback(self._subscribed, effect.id)
        else:
            self._subscribed(True, effect.id)

    def _subscribed(self, live: bool, question_id: int | None) -> None:
        if question_id is not None:
            self.notify(lambda session, now: session.subscribed(question_id, live, now))

    def _send(self, effect: Send) -> None:
        self._connection.reply(text_frames(effect.text.encode("utf-8"), self.served.dialect.policy.frame_max))

    def _set_timer(self, effect: SetTimer) -> None:
        if effect.at is None:
            self._timers.discard(effect.name)
            self._gateway_state.expiry.clear(self._timer_fired, effect.name)
        else:
            self._timers.add(effect.name)
            self._gateway_state.expiry.set(self._timer_fired, effect.name, effect.at)

    def _close(self, effect: Close) -> None:
        self._connection.close(effect.reason, effect.why)


_EXECUTE: Mapping[type, Callable[[SessionRunner, Any], None]] = {
    Respond: SessionRunner._respond,  # noqa: SLF001 the class's own table
    Accept: SessionRunner._accept,  # noqa: SLF001
    Ask: SessionRunner._ask,  # noqa: SLF001
    Subscribe: SessionRunner._subscribe,  # noqa: SLF001
    Send: SessionRunner._send,  # noqa: SLF001
    SetTimer: SessionRunner._set_timer,  # noqa: SLF001
    Close: SessionRunner._close,  # noqa: SLF001
}
