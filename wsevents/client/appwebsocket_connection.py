"""One connection of an AppWebsocket client: the WebSocket, the login and the flow control.

An object serves one TCP connection. `AppWebsocketClient` decides on reconnecting.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen
from autobahn.twisted.websocket import WebSocketClientProtocol
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger

from wsevents.api.close_reasons import Advice
from wsevents.client.deadline import Deadline
from wsevents.core.json_members import parse_parts
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey, login_message
from wsevents.logs.null_logger import NullLogger
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

CLOSING_SECONDS = 5.0
"""Seconds in which the server must answer a close frame and close the TCP connection."""
FRAME_MAX = 16384
"""Maximum bytes of a sent frame: servers with the vendor's C++ library reject longer frames."""
_NORMAL = 1000
_log = Logger()
_KEEP_ALIVE = '{"mt":"KeepAlive"}'
_KEEP_ALIVE_MAX = 200
"""Maximum characters of a message that may be an answer to KeepAlive."""


class NotOpenError(Exception):
    """The client is not logged in. It is after `on_open`."""


@frozen
class ConnectionEnd:
    """How a connection or a connection attempt ended.

    Attributes:
        why: explanation, for a log.
        opened: the client was logged in.
        refused: the server rejected the login.
        code, reason: content of the server's close frame; None and "": there was no close frame.
        advice: what to do before the next attempt.
    """

    why: str
    opened: bool = False
    refused: bool = False
    code: int | None = None
    reason: str = ""
    advice: Advice = Advice.RETRY


@frozen
class Authentication:
    """The answer to a challenge.

    Attributes:
        login: the user and the app.
        digest: digest of the login, the challenge and the password.
        key: the session key, for use after the login.
        pbx_obj: name of the PBX object of the server.
    """

    login: AppLogin
    digest: str = field(repr=False)
    key: SessionKey
    pbx_obj: str = ""


class AppWebsocketOwner(Protocol):
    """The owner of a connection, which the connection notifies."""

    def challenged(self, challenge: str) -> Authentication | Deferred[Authentication | None] | None:
        """Return the answer to a challenge, now or later; None: the owner calls `log_in` later."""

    def logged_in(self) -> None:
        """Handle a successful login."""

    def received(self, text: str) -> None:
        """Handle a message from the server."""


class AppWebsocketConnection(WebSocketClientProtocol):
    """One connection. Names without an underscore may belong to Autobahn.

    Attributes:
        finished: fires with a `ConnectionEnd` when the connection is closed.
        key: the session key; None before the login.

    Args:
        owner: is notified of challenges, the login and messages.
        clock: for timeouts.
        login_seconds: maximum seconds for each step up to the login.
        keep_alive: seconds between two KeepAlive messages; 0: none. The connection is closed if the server
            sends nothing for twice this time.
        flow_control: deliver a message only after `message_complete` for the previous message.
    """

    log = NullLogger()
    transport: Any

    def __init__(
        self,
        owner: AppWebsocketOwner,
        clock: IReactorTime,
        login_seconds: float,
        keep_alive: float,
        flow_control: bool,
    ) -> None:
        super().__init__()
        self.finished: Deferred[ConnectionEnd] = Deferred()
        self.key: SessionKey | None = None
        self._owner = owner
        self._clock = clock
        self._login_seconds = login_seconds
        self._keep_alive = keep_alive
        self._flow_control = flow_control
        self._step = self._expect_nothing
        self._offered_key: SessionKey | None = None
        self._pending_login: Deferred[Any] | None = None
        self._ending: ConnectionEnd | None = None
        self._queue: deque[str] = deque()
        self._awaits_completion = self._delivering = self._paused = self._closed = False
        self._deadline = Deadline(clock)
        self._next_keep_alive: IDelayedCall | None = None
        self._received_at = 0.0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._close_unless_answered("the server did not answer in time")
        super().connectionMade()

    def processHandshake(self) -> None:
        """Process the server's handshake; Autobahn raises if it is not text."""
        try:
            super().processHandshake()
        except Exception:  # noqa: BLE001 Autobahn does not specify the exception
            self._finish("the server's answer is not a WebSocket handshake")

    def onOpen(self) -> None:
        """Request a challenge."""
        self._step = self._expect_challenge
        self._close_unless_answered("the server did not send a challenge in time")
        self.sendMessage(b'{"mt":"AppChallenge"}')

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Process a text message; ignore a binary one, which the protocol does not have."""
        self._received_at = self._clock.seconds()
        if not isBinary and self._ending is None:
            self._step(payload.decode("utf-8"))

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> Any:
        """Answer the close frame; abort the connection if the server does not close it in time."""
        answer = super().onCloseFrame(code, reasonRaw)
        if not self._closed:
            self._abort_later()
        return answer

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Fire `finished`. Autobahn also calls this if the WebSocket was never open."""
        if self._closed:
            return
        self._closed = True
        self._queue.clear()
        self._deadline.clear()
        if self._next_keep_alive is not None:
            self._next_keep_alive.cancel()
            self._next_keep_alive = None
        if self._pending_login is not None:
            self._pending_login.cancel()
        received = self.remoteCloseCode if wasClean else None
        ending = self._ending or ConnectionEnd(
            f"the server closed with {received}" if wasClean else reason or "the connection broke"
        )
        self.finished.callback(
            ConnectionEnd(
                ending.why,
                opened=self.key is not None,
                refused=ending.refused,
                code=received,
                reason=(self.remoteCloseReason or "") if wasClean else "",
            )
        )

    # -- the login ----------------------------------------------------------------------------

    def _expect_nothing(self, text: str) -> None:
        """Ignore an unexpected message, as the vendor's own clients do."""

    def _expect_challenge(self, text: str) -> None:
        fields = _fields(text)
        if fields.get("mt") != "AppChallengeResult":
            return
        challenge = fields.get("challenge")
        if isinstance(challenge, bool) or not isinstance(challenge, str | int):
            self._finish("the server sent an invalid challenge")
            return
        self._step = self._expect_nothing
        self._deadline.clear()  # no timeout for the owner, which may ask a user
        self._pending_login = maybeDeferred(self._owner.challenged, str(challenge))
        self._pending_login.addCallback(self._answered).addErrback(self._not_answered)

    def _answered(self, authentication: Authentication | None) -> None:
        self._pending_login = None
        if authentication is not None and not self._closed:
            self.log_in(authentication)

    def _not_answered(self, failure: Failure) -> None:
        self._pending_login = None
        if not failure.check(CancelledError):
            _log.warn("the program gave no login: {safe_location}", safe_location=safe_location(failure))
            self._finish(f"the program gave no login: {failure.type.__name__ if failure.type else 'failed'}")

    @property
    def wants_login(self) -> bool:
        """The server has sent a challenge, and the client has not answered it."""
        return self._step == self._expect_nothing and self.is_open_for_messages and self._offered_key is None

    @property
    def is_open_for_messages(self) -> bool:
        """The WebSocket is open, and neither side has begun to close it."""
        return bool(self.state == self.STATE_OPEN and self._ending is None)

    def log_in(self, authentication: Authentication) -> None:
        """Answer the challenge, if there is one.

        Raises:
            ValueError: the info is not a JSON object, or a text cannot be encoded as UTF-8.
        """
        if not self.wants_login:
            return
        text = login_message(authentication.login, authentication.digest, authentication.pbx_obj)
        self._offered_key = authentication.key
        self._step = self._expect_result
        self._close_unless_answered("the server did not answer the login in time")
        self.sendMessage(text.encode("utf-8"))

    def _expect_result(self, text: str) -> None:
        fields = _fields(text)
        if fields.get("mt") != "AppLoginResult":
            return
        if fields.get("ok") is not True:
            self._finish("the server rejected the login", refused=True)
            return
        self.key = self._offered_key
        self._step = self._expect_messages
        self._deadline.clear()
        if self._keep_alive:
            self._next_keep_alive = self._clock.callLater(self._keep_alive, self._send_keep_alive)
        self._owner.logged_in()

    # -- messages -----------------------------------------------------------------------------

    def _expect_messages(self, text: str) -> None:
        if self._keep_alive and len(text) < _KEEP_ALIVE_MAX and _fields(text) == {"mt": "KeepAlive"}:
            return
        self._queue.append(text)
        self._deliver()

    def _deliver(self) -> None:
        """Deliver queued messages; with flow control one at a time, with paused reading until completion."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._queue and not self._awaits_completion:
                self._awaits_completion = self._flow_control
                self._owner.received(self._queue.popleft())
        finally:
            self._delivering = False
        self._set_reading(not self._awaits_completion)

    def set_flow_control(self, enabled: bool) -> None:
        """Deliver each message only after `message_complete` for the previous one, or without waiting."""
        self._flow_control = enabled
        if not enabled:
            self.message_complete()

    def message_complete(self) -> None:
        """Mark the delivered message as complete and deliver the next."""
        self._awaits_completion = False
        self._deliver()

    def _set_reading(self, wanted: bool) -> None:
        """Resume or pause reading from the socket. While it is paused, TCP stops the server."""
        if wanted is not self._paused or self._closed:
            return
        self._paused = not wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def send_text(self, text: str) -> None:
        """Send a message. Raises NotOpenError, or UnicodeEncodeError for an invalid text."""
        if self.key is None or not self.is_open_for_messages:
            raise NotOpenError("not logged in")
        self.sendMessage(text.encode("utf-8"))

    def _send_keep_alive(self) -> None:
        """Send a KeepAlive, or close the connection if the server has sent nothing for too long."""
        self._next_keep_alive = None
        if not self.is_open_for_messages:
            return
        if self._paused:
            self._received_at = (
                self._clock.seconds()
            )  # the client does not read, so the silence means nothing
        if self._clock.seconds() - self._received_at >= 2 * self._keep_alive:
            self._ending = ConnectionEnd("the server sent nothing for too long")
            self.transport.abortConnection()
            return
        self.sendMessage(_KEEP_ALIVE.encode())
        self._next_keep_alive = self._clock.callLater(self._keep_alive, self._send_keep_alive)

    # -- the end ------------------------------------------------------------------------------

    def finish(self) -> None:
        """Close the connection; `finished` fires later."""
        self._finish("closed by the client")

    def _finish(self, why: str, *, refused: bool = False) -> None:
        """Close the connection, unless it is closing or closed."""
        if self._ending is not None or self._closed:
            return
        self._ending = ConnectionEnd(why, refused=refused)
        self._queue.clear()
        self._flow_control = self._awaits_completion = False
        self._set_reading(True)  # to receive the answer to the close frame
        if self.state == self.STATE_OPEN:
            self.sendClose(_NORMAL)
            self._abort_later()
        else:
            self.transport.abortConnection()

    def _abort_later(self) -> None:
        self._deadline.set(CLOSING_SECONDS, self.transport.abortConnection)

    def _close_unless_answered(self, why: str) -> None:
        """Close the connection if the server does not take the next step in time."""
        self._deadline.set(self._login_seconds, lambda: self._finish(why))


def _fields(text: str) -> dict[str, Any]:
    """Return the values of a message; an empty dict if it is not a JSON object."""
    try:
        return {key: part.value for key, part in parse_parts(text).items()}
    except ValueError:
        return {}
