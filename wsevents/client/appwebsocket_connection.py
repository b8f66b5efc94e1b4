"""One connection of an AppWebsocket client: the WebSocket, the login, and who is read when.

It lives from TCP to TCP; whether there is another one after it is for `AppWebsocketClient` to say.
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
"""How long the other end may take to answer a close frame and to end the connection."""
FRAME_MAX = 16384
"""Bytes: servers of the vendor's C++ library refuse longer frames."""
_NORMAL = 1000
_log = Logger()
_KEEP_ALIVE = '{"mt":"KeepAlive"}'
_KEEP_ALIVE_MAX = 200
"""Characters: a longer message is no answer to that one."""


class NotOpenError(Exception):
    """There is no connection that is logged in; come again when `on_open` was called."""


@frozen
class ConnectionEnd:
    """How a connection, or the attempt to make one, ended.

    Attributes:
        why: in words, for a log.
        opened: it was logged in.
        refused: the other end did not accept the login.
        code, reason: of the close frame that came, if one did.
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
    """What a challenge is answered with.

    Attributes:
        login: who logs in where.
        digest: of the login, the challenge and the password.
        key: of the connection, if all goes well.
        pbx_obj: name of the PBX object that stands for the other end.
    """

    login: AppLogin
    digest: str = field(repr=False)
    key: SessionKey
    pbx_obj: str = ""


class AppWebsocketOwner(Protocol):
    """Whom a connection belongs to."""

    def challenged(self, challenge: str) -> Authentication | Deferred[Authentication | None] | None:
        """Return what to answer, now or later; None: `AppWebsocketConnection.log_in` will be called."""

    def logged_in(self) -> None:
        """All is well."""

    def received(self, text: str) -> None:
        """A message came."""


class AppWebsocketConnection(WebSocketClientProtocol):
    """One connection; Autobahn owns many names, ours have an underscore.

    Attributes:
        over: fires with an `ConnectionEnd` when it is gone.
        key: what both ends share, once logged in.

    Args:
        owner: hears of it.
        clock: time.
        login_seconds: how long each answer may take until it is logged in.
        keep_alive: seconds between two KeepAlive messages; 0: none. It ends when twice that
            nothing was heard.
        flow_control: whether a message waits until the one before was completed.
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
        self.over: Deferred[ConnectionEnd] = Deferred()
        self.key: SessionKey | None = None
        self._owner = owner
        self._clock = clock
        self._login_seconds = login_seconds
        self._keep_alive = keep_alive
        self._flow_control = flow_control
        self._step = self._expect_nothing
        self._offered: SessionKey | None = None
        self._asking: Deferred[Any] | None = None
        self._ending: ConnectionEnd | None = None
        self._waiting: deque[str] = deque()
        self._busy = self._working = self._paused = self._gone = False
        self._deadline = Deadline(clock)
        self._beat: IDelayedCall | None = None
        self._heard = 0.0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Ask for the WebSocket, and do not wait for ever."""
        self._within("the other end did not answer in time")
        super().connectionMade()

    def processHandshake(self) -> None:
        """Read the answer to it; Autobahn raises where that is not even text."""
        try:
            super().processHandshake()
        except Exception:  # noqa: BLE001 there is no telling which
            self._finish("the answer was no WebSocket's")

    def onOpen(self) -> None:
        """Ask for a challenge."""
        self._step = self._expect_challenge
        self._within("no challenge came in time")
        self.sendMessage(b'{"mt":"AppChallenge"}')

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a text message; binary ones are no part of the protocol."""
        self._heard = self._clock.seconds()
        if not isBinary and self._ending is None:
            self._step(payload.decode("utf-8"))

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> Any:
        """Give the other end time to drop the connection, but not for ever."""
        answer = super().onCloseFrame(code, reasonRaw)
        if not self._gone:
            self._abort_later()
        return answer

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Say that it is gone; also called when it never was open."""
        if self._gone:
            return
        self._gone = True
        self._waiting.clear()
        self._deadline.clear()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        if self._asking is not None:
            self._asking.cancel()
        came = self.remoteCloseCode if wasClean else None
        ending = self._ending or ConnectionEnd(
            f"the other end closed with {came}" if wasClean else reason or "the connection broke"
        )
        self.over.callback(
            ConnectionEnd(
                ending.why,
                opened=self.key is not None,
                refused=ending.refused,
                code=came,
                reason=(self.remoteCloseReason or "") if wasClean else "",
            )
        )

    # -- the login ----------------------------------------------------------------------------

    def _expect_nothing(self, text: str) -> None:
        """Ignore what comes too early, as the vendor's own clients do."""

    def _expect_challenge(self, text: str) -> None:
        fields = _fields(text)
        if fields.get("mt") != "AppChallengeResult":
            return
        challenge = fields.get("challenge")
        if isinstance(challenge, bool) or not isinstance(challenge, str | int):
            self._finish("the other end sent no challenge")
            return
        self._step = self._expect_nothing
        self._deadline.clear()  # whoever finds the login out may take its time
        self._asking = maybeDeferred(self._owner.challenged, str(challenge))
        self._asking.addCallback(self._answer).addErrback(self._no_answer)

    def _answer(self, authentication: Authentication | None) -> None:
        self._asking = None
        if authentication is not None and not self._gone:
            self.log_in(authentication)

    def _no_answer(self, failure: Failure) -> None:
        self._asking = None
        if not failure.check(CancelledError):
            _log.warn("there is no login: {safe_location}", safe_location=safe_location(failure))
            self._finish(f"there is no login: {failure.type.__name__ if failure.type else 'failed'}")

    @property
    def wants_login(self) -> bool:
        """It was challenged, and was not answered yet."""
        return self._step == self._expect_nothing and self.is_open_for_messages and self._offered is None

    @property
    def is_open_for_messages(self) -> bool:
        """The WebSocket is open, and neither end wants to close it."""
        return bool(self.state == self.STATE_OPEN and self._ending is None)

    def log_in(self, authentication: Authentication) -> None:
        """Answer the challenge. Raises ValueError: the info is no JSON object, or a text no text."""
        if not self.wants_login:
            return
        text = login_message(authentication.login, authentication.digest, authentication.pbx_obj)
        self._offered = authentication.key
        self._step = self._expect_result
        self._within("the login was not answered in time")
        self.sendMessage(text.encode("utf-8"))

    def _expect_result(self, text: str) -> None:
        fields = _fields(text)
        if fields.get("mt") != "AppLoginResult":
            return
        if fields.get("ok") is not True:
            self._finish("the login was refused", refused=True)
            return
        self.key = self._offered
        self._step = self._expect_messages
        self._deadline.clear()
        if self._keep_alive:
            self._beat = self._clock.callLater(self._keep_alive, self._keep_it_alive)
        self._owner.logged_in()

    # -- messages -----------------------------------------------------------------------------

    def _expect_messages(self, text: str) -> None:
        if self._keep_alive and len(text) < _KEEP_ALIVE_MAX and _fields(text) == {"mt": "KeepAlive"}:
            return
        self._waiting.append(text)
        self._work()

    def _work(self) -> None:
        """Hand over what waits; with flow control one at a time, and the socket is not read meanwhile."""
        if self._working:
            return
        self._working = True
        try:
            while self._waiting and not self._busy:
                self._busy = self._flow_control
                self._owner.received(self._waiting.popleft())
        finally:
            self._working = False
        self._read(not self._busy)

    def set_flow_control(self, enabled: bool) -> None:
        """From the next message on, wait for `message_complete` after each; or do not."""
        self._flow_control = enabled
        if not enabled:
            self.message_complete()

    def message_complete(self) -> None:
        """Hand over the next message."""
        self._busy = False
        self._work()

    def _read(self, wanted: bool) -> None:
        """Read from the socket, or leave what comes to the kernel, and so to the other end."""
        if wanted is not self._paused or self._gone:
            return
        self._paused = not wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def say(self, text: str) -> None:
        """Send a message. Raises NotOpenError, and UnicodeEncodeError for what is no text."""
        if self.key is None or not self.is_open_for_messages:
            raise NotOpenError("not logged in")
        self.sendMessage(text.encode("utf-8"))

    def _keep_it_alive(self) -> None:
        """Speak, so that the other end does; if it has not for long, it is gone."""
        self._beat = None
        if not self.is_open_for_messages:
            return
        if self._paused:
            self._heard = self._clock.seconds()  # nothing can be heard
        if self._clock.seconds() - self._heard >= 2 * self._keep_alive:
            self._ending = ConnectionEnd("nothing was heard of the other end")
            self.transport.abortConnection()
            return
        self.sendMessage(_KEEP_ALIVE.encode())
        self._beat = self._clock.callLater(self._keep_alive, self._keep_it_alive)

    # -- the end ------------------------------------------------------------------------------

    def finish(self) -> None:
        """Close it; `over` fires soon."""
        self._finish("closed here")

    def _finish(self, why: str, *, refused: bool = False) -> None:
        """Close it, once."""
        if self._ending is not None or self._gone:
            return
        self._ending = ConnectionEnd(why, refused=refused)
        self._waiting.clear()
        self._flow_control = self._busy = False
        self._read(True)  # for the answer to the close frame
        if self.state == self.STATE_OPEN:
            self.sendClose(_NORMAL)
            self._abort_later()
        else:
            self.transport.abortConnection()

    def _abort_later(self) -> None:
        self._deadline.set(CLOSING_SECONDS, self.transport.abortConnection)

    def _within(self, why: str) -> None:
        """End it if the next answer does not come in time."""
        self._deadline.set(self._login_seconds, lambda: self._finish(why))


def _fields(text: str) -> dict[str, Any]:
    """Return the values of a message; none, if it is none."""
    try:
        return {key: part.value for key, part in parse_parts(text).items()}
    except ValueError:
        return {}
