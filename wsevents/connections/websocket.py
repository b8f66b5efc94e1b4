"""The WebSocket server: connects Autobahn's protocol with the runner of a session.

Everything that a peer is sent goes through its one send queue. Autobahn implements RFC 6455. A method
that overrides Autobahn's behaviour says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.api.close_reasons import (
    BROKEN,
    BY_THE_PEER,
    GOING_AWAY,
    INTERNAL_ERROR,
    LOST,
    NOT_UTF8,
    TOO_BIG,
    TOO_SLOW,
    UNAUTHENTICATED,
)
from wsevents.api.effects import Respond
from wsevents.connections.keepalive import Keepalive
from wsevents.connections.session_runner import SessionRunner
from wsevents.core.http_head import http_answer, make_request
from wsevents.core.origins import is_own, origin_allowed
from wsevents.core.session_log import ClosedSession, SessionInfo
from wsevents.delivery import compression
from wsevents.delivery.send_queue import SendQueue
from wsevents.delivery.writers import make_writer
from wsevents.logs.level import LEVEL
from wsevents.logs.null_logger import NullLogger
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.api.close_reasons import CloseReason
    from wsevents.api.effects import ConnectionPolicy
    from wsevents.api.identity import Identity
    from wsevents.api.interfaces import IDialect
    from wsevents.api.requests import Request
    from wsevents.connections.gateway_state import GatewayState, ListenerDialects
    from wsevents.connections.handshake import Handshake
    from wsevents.core.http_head import Head

CLOSING_SECONDS = 10.0
"""How long a peer may take to answer a close frame and to close the connection."""
RECHECK_SECONDS = 1.0
"""How long until the gateway checks again whether the authority has answered."""
FRAGMENTS = 4096
"""Most frames of one message: empty frames cost memory but do not count for its size."""
_PROTOCOL_ERRORS: Mapping[int | None, CloseReason] = {
    reason.code: reason for reason in (BROKEN, NOT_UTF8, TOO_BIG)
}
"""The close reasons for the codes with which Autobahn fails a connection."""
_PING, _PONG = 0x89, 0x8A
_UNAVAILABLE = Respond(503, (("Retry-After", "10"),))
_ORIGIN_LENGTH = 200
"""Most characters of an origin that are logged."""


class Peer(WebSocketServerProtocol):
    """One WebSocket connection.

    Autobahn owns the names `log`, `state`, `peer`, `factory`, `data`; ours have an underscore.
    """

    log = NullLogger()
    _log = Logger()
    CONFIG_ATTRS: list[str] = []  # noqa: RUF012 Autobahn would format them for each peer
    transport: Any
    _perMessageCompress: Any
    outbound: SendQueue  # set by connectionMade
    _runner: SessionRunner  # these two are set by onConnect
    _keepalive: Keepalive

    def __init__(
        self,
        gateway_state: GatewayState,
        listener_dialects: ListenerDialects,
        handshake: Handshake,
        head: Head,
    ) -> None:
        super().__init__()
        self._gateway_state = gateway_state
        self._listener_dialects = listener_dialects
        self._handshake = handshake
        self._head: Head | None = head  # None once it is read
        self._answer: Deferred[Any] = Deferred()
        self._response: Respond | None = None
        self._has_session = False
        self._open = False
        self._failed = False  # an error between the upgrade and the opening of the WebSocket
        self._disconnected = False
        self._reading = True
        self._close_reason: CloseReason | None = None
        self._why = ""
        self._fragments = 0
        self._id = ""
        self._since = 0.0
        self._received = 0
        self._acknowledged = 0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Take over the connection from the handshake."""
        settings = self._gateway_state.outbound
        writer = make_writer(self.transport, through=settings.write_through)
        self.outbound = SendQueue(writer, self._gateway_state.flusher, settings.peer_bytes, self)
        self._connectionMade()  # connectionMade would first collect TLS details for Autobahn's log

    def onConnect(self, request: Any) -> Any:
        """Find the dialect of the request, and let its session decide on the upgrade."""
        try:
            self._start_session(self._request())
        except ConnectionDeny:
            raise
        except Exception:  # noqa: BLE001 an error of a dialect must affect this peer only
            self._log.error("a dialect failed: {safe_location}", safe_location=safe_location(Failure()))
            raise ConnectionDeny(500, "Internal Server Error") from None
        return self._answer

    def _request(self) -> Request:
        """Return the request from its head; Autobahn's request lacks parts of it."""
        head, self._head = self._head, None
        assert head is not None  # noqa: S101 a connection has one request
        return make_request(
            head.target,
            head.headers,
            self._handshake.address,
            self._handshake.port,
            self._listener_dialects.name,
            secure=self._handshake.secure,
        )

    def _start_session(self, request: Request) -> None:
        """Start the session of the request's dialect. Raises ConnectionDeny."""
        served = self._listener_dialects.served_for(request.path)
        if served is None:
            raise ConnectionDeny(404, "Not Found")
        policy = served.dialect.policy
        self.maxMessagePayloadSize = policy.message_max
        if policy.deflate:
            self.perMessageCompressionAccept = compression.accept
        session = served.dialect.session(request, self._gateway_state.entropy)
        self._runner = SessionRunner(self._gateway_state, served, session, self)
        self._keepalive = Keepalive(
            policy, self._gateway_state.keepalive, self.sendPing, self._pong_expected, self.close
        )
        self._has_session = True
        if self._origin_allowed(request, policy):
            self._runner.notify(lambda session, now: session.requested(now))
        else:
            self._runner.notify(lambda session, now: session.origin_refused(now))
        if not self._answer.called and self._expect_identity():
            self._handshake.request_complete()

    def _origin_allowed(self, request: Request, policy: ConnectionPolicy) -> bool:
        """Return whether the origin of the request may connect; log it if not."""
        origin = request.headers.get("origin")
        if origin_allowed(origin, policy.origins) or (policy.own_pages and is_own(request)):
            return True
        self._handshake.log_rejection(
            "origin not allowed",
            f": {origin!r:.{_ORIGIN_LENGTH}}; to allow it, add it to {policy.origins_key}",
        )
        return False

    def _expect_identity(self) -> bool:
        """Start the authentication timeout if the dialect needs an identity; return whether it runs."""
        seconds = self._gateway_state.limits.authentication_seconds
        if not seconds or self._runner.served.dialect.policy.anonymous or self.identity is not None:
            return False
        self._gateway_state.keepalive.after(self._authentication_timeout, "identity", seconds)
        return True

    def _authentication_timeout(self, name: str) -> None:
        """End an unauthenticated session, but after the upgrade wait while the authority is asked."""
        if self.identity is not None:
            return
        if self._open:
            if self._runner.awaits_answer:
                self._gateway_state.keepalive.after(self._authentication_timeout, name, RECHECK_SECONDS)
            else:
                self.close(UNAUTHENTICATED)
        elif not self._answer.called:
            self._handshake.log_rejection("timeout of the authentication")
            self._runner.stop()
            self.respond(_UNAVAILABLE)

    def _pong_expected(self) -> bool:
        """Return whether a pong could arrive: the peer is read, and the ping is not stuck in the queue."""
        return self._reading and not self.outbound.behind

    def onOpen(self) -> None:
        """Begin the session."""
        gateway_state = self._gateway_state
        self._open = True
        self._since = gateway_state.now()
        self._id = gateway_state.session_log.record_opened(self.dialect.name)
        if self._perMessageCompress is not None:
            self.outbound.deflate = True
        self._handshake.finish()
        gateway_state.registry.add(self)
        if LEVEL.debug_enabled:
            self._log_opened()
        self.transport.registerProducer(self.outbound, True)
        self._keepalive.start()
        if self._failed:
            self.close(INTERNAL_ERROR)
            return
        if not gateway_state.bus_up:
            self.bus_lost()
        self._runner.notify(lambda session, now: session.opened(now))
        if gateway_state.stopping:
            self.close(GOING_AWAY)
        elif self._close_reason is None:
            self._expect_identity()

    def onMessageFrameBegin(self, length: int) -> None:
        """Limit the number of frames of a message; Autobahn limits its size only."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > FRAGMENTS and not self.failedByMe:
            self._fail_connection(TOO_BIG.code, "too many frames")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Pass a message to the session; Autobahn has checked that text is UTF-8."""
        self._fragments = 0
        if self._close_reason is None:
            self._received += 1
            self._keepalive.received()
            self._runner.receive(payload if isBinary else payload.decode("utf-8"))

    def onPing(self, payload: bytes) -> None:
        """Answer a ping; it counts as a message."""
        self._keepalive.received()
        self._runner.charge()
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        self._keepalive.received()
        self._keepalive.pong()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Release everything. Autobahn also calls this if the handshake did not end."""
        if self._disconnected:
            return
        self._disconnected = True
        by = "gateway"
        if self._close_reason is None:
            self._close_reason, by = (BY_THE_PEER, "peer") if wasClean else (LOST, "nobody")
            self._why = "" if code is None or not wasClean else f"code {code}"
        self.outbound.stopProducing()
        self._gateway_state.keepalive.clear(self._close_timeout, "closing")
        self._gateway_state.keepalive.clear(self._check_progress, "behind")
        self._gateway_state.keepalive.clear(self._authentication_timeout, "identity")
        self._handshake.finish()
        if self._has_session:
            self._runner.stop()
            self._keepalive.stop()
        if self._open:
            self._gateway_state.registry.remove(self)
            self._record(self._close_reason, by, code)
            self._log_closed(self._close_reason)
        else:
            self._handshake.fail("lost")

    # -- from the runner ----------------------------------------------------------------------

    def respond(self, response: Respond) -> None:
        self._response = response
        self._answer.errback(ConnectionDeny(response.status, "refused"))

    def accept(self, headers: Mapping[str, str]) -> None:
        self._answer.callback((None, dict(headers)))

    def reply(self, frames: bytes) -> None:
        self.outbound.reply(frames)

    def read(self, *, wanted: bool) -> None:
        if wanted is self._reading or self._disconnected:
            return
        self._reading = wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def fail(self) -> None:
        """End after an error of the gateway: with HTTP 500, or with 1011 once the WebSocket is open."""
        if self._open:
            self.close(INTERNAL_ERROR)
            return
        self._runner.stop()
        if self._answer.called:
            self._failed = True
        else:
            self._answer.errback(ConnectionDeny(500, "Internal Server Error"))

    def close(self, reason: CloseReason, why: str = "", flush_seconds: float = 0.0) -> None:
        """Close the session; a second call does nothing.

        If the peer does not complete the close in time, the connection is aborted.

        Args:
            reason: code and reason of the close frame.
            why: further explanation, for the log only.
            flush_seconds: seconds for sending queued messages, if longer than `CLOSING_SECONDS`.
        """
        if self._close_reason is not None or self._disconnected:
            return
        self._close_reason, self._why = reason, why
        self._runner.stop()
        self._gateway_state.keepalive.after(
            self._close_timeout, "closing", max(CLOSING_SECONDS, flush_seconds)
        )
        if reason.code is None:
            self.dropConnection(abort=False)
        else:
            # sendClose rejects codes that RFC 6455 section 7.4.1 reserves for endpoints, such as 1011.
            self.sendCloseFrame(reason.code, reason.reason.encode("utf-8"))

    # -- from the gateway ---------------------------------------------------------------------

    @property
    def dialect(self) -> IDialect:
        """The dialect of the session."""
        return self._runner.served.dialect

    @property
    def identity(self) -> Identity | None:
        """The identity of the peer; None until the session has it."""
        return self._runner.identity

    def bus_lost(self) -> None:
        """Notify the session: the bus is lost."""
        self._runner.notify(lambda session, now: session.bus_lost(now))

    def bus_back(self) -> None:
        """Notify the session: the bus is back."""
        self._runner.notify(lambda session, now: session.bus_back(now))

    def refresh_identity(self) -> None:
        """Pass the session its identity as the authority has it now."""
        identity = self.identity
        if identity is not None:
            answer = self._runner.served.authority.revise(identity)
            self._runner.notify(lambda session, now: session.identity_changed(answer, now))

    def abort(self) -> None:
        """Abort the connection."""
        self.transport.abortConnection()

    # -- the end ------------------------------------------------------------------------------

    def fell_behind(self) -> None:
        """Start to watch whether the peer reads anything; called by the send queue."""
        self._acknowledged = self.outbound.writer.taken()
        self._gateway_state.keepalive.after(
            self._check_progress, "behind", self._gateway_state.outbound.write_deadline
        )

    def caught_up(self) -> None:
        """Stop to watch; called by the send queue."""
        self._gateway_state.keepalive.clear(self._check_progress, "behind")

    def too_slow(self, why: str) -> None:
        """Close the session; the send queue has dropped its messages, at a frame boundary."""
        self.close(TOO_SLOW, why)

    def _check_progress(self, _: str) -> None:
        if self.outbound.writer.taken() > self._acknowledged:
            self.fell_behind()
        else:
            self.outbound.give_up("it read nothing within outbound.write_deadline")

    def _close_timeout(self, _: str) -> None:
        """Abort: the peer has not completed the close in time."""
        self.dropConnection(abort=True)
        self.transport.abortConnection()

    def info(self) -> SessionInfo:
        """Return the facts about the session so far."""
        identity = self.identity
        return SessionInfo(
            self._id,
            self.dialect.name,
            self._handshake.address,
            self._handshake.port,
            identity.subject if identity else None,
            identity.tenant if identity else None,
            self._since,
            self._received,
            self.outbound.events,
            self.outbound.peak,
            identity.expires if identity else None,
        )

    def _record(self, reason: CloseReason, by: str, code: int | None) -> None:
        """Record the end of the session in the session log."""
        gateway_state, info = self._gateway_state, self.info()
        sent_code = reason.code if by == "gateway" else code if by == "peer" else None
        gateway_state.session_log.record_closed(
            ClosedSession(info, gateway_state.now(), sent_code, reason.meaning, self._why), by
        )
        gateway_state.session_log.expired[info.dialect] += reason.expiry

    def _log_opened(self) -> None:
        info = self.info()
        self._log.debug(
            "session {id} opened: {dialect} {address}, port {port}, by {listener}",
            id=info.id,
            dialect=info.dialect,
            address=info.address,
            port=info.port,
            listener=self._listener_dialects.name,
        )

    def _log_closed(self, reason: CloseReason) -> None:
        """Log the only line that each session leaves at level info."""
        info = self.info()
        self._log.info(
            "session closed: {dialect} {address} user={user} tenant={tenant} {seconds:.0f} s, "
            "{received} received, {delivered} events, peak queue {peak} bytes; {code} {meaning}{why}",
            dialect=info.dialect,
            address=info.address,
            user=info.user or "-",
            tenant=info.tenant or "-",
            seconds=self._gateway_state.now() - info.since,
            received=info.received,
            delivered=info.delivered,
            peak=info.peak,
            code=reason.code or "-",
            meaning=reason.meaning,
            why=f" ({self._why})" if self._why else "",
        )

    # -- overrides of Autobahn -----------------------------------------------------------------------

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send Autobahn's frames through the send queue, so that nothing is overtaken.

        Pings and pongs count like events. Otherwise the pongs of a peer that pings but does not read would
        accumulate.
        """
        if data[0] in (_PING, _PONG):
            self.outbound.reply(data)
        else:
            self.outbound.send_control(data)

    def dataReceived(self, data: bytes) -> None:
        """Skip Autobahn's log formatting, which costs time for each read even if the log is off."""
        self._dataReceived(data)

    def _onOpen(self) -> None:
        self.onOpen()

    def _closeConnection(self, abort: bool = False) -> None:
        """Send what is queued before the connection closes, and abort it if that takes too long."""
        if not abort and not self._disconnected:
            self.outbound.finish()
            self._gateway_state.keepalive.clear(self._check_progress, "behind")
            self._gateway_state.keepalive.after(self._close_timeout, "closing", CLOSING_SECONDS)
        super()._closeConnection(abort)

    def dropConnection(self, abort: bool = False) -> None:
        """Close TCP cleanly after a clean close: browsers report a reset as an unclean close."""
        super().dropConnection(abort=abort and not self.wasClean)

    def _fail_connection(self, code: int | None = 1001, reason: str = "going away") -> None:
        """Close after a violation of RFC 6455; `reason` is Autobahn's text, for the log."""
        self.failedByMe = True
        self.close(_PROTOCOL_ERRORS.get(code, BROKEN), reason)

    def succeedHandshake(self, res: Any) -> None:
        """Upgrade and open. Autobahn would lose an exception here and leave a half-open session."""
        try:
            super().succeedHandshake(res)
        except Exception:  # noqa: BLE001 an error must affect this peer only
            self._log.error(
                "a session failed to open: {safe_location}", safe_location=safe_location(Failure())
            )
            self._fail_opening()

    def _fail_opening(self) -> None:
        """End a session that failed to open, at any step."""
        try:
            if self.state == self.STATE_CONNECTING:
                self._runner.stop()
                self.failHandshake("Internal Server Error", 500)
            else:
                self.fail()
        finally:
            if self.state in {self.STATE_CONNECTING, self.STATE_OPEN}:  # the close frame was not sent
                self.abort()

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """Answer a bad request. `reason` is neither logged nor sent: it may quote the URL with its token."""
        response = self._response or Respond(code, tuple(responseHeaders or ()))
        self._handshake.log_refusal(response, self._runner.served.dialect.name if self._has_session else "")
        self.wasNotCleanReason = "refused"
        self._handshake.fail(str(response.status))
        self.sendData(http_answer(response))
        self.dropConnection(abort=False)


class PeerFactory(WebSocketServerFactory):
    """Makes peers for handshakes; it does not listen itself."""

    def __init__(self, gateway_state: GatewayState, reactor: Any) -> None:
        super().__init__(reactor=reactor, server="wsevents")
        self._gateway_state = gateway_state
        self.setProtocolOptions(
            webStatus=False,
            failByDrop=False,
            echoCloseCodeReason=True,
            # Handshakes, closing and pings have timers of their own: `wsevents.connections.timers`.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            allowedOrigins=["*"],
            allowNullOrigin=True,
        )
        self._options = {name: getattr(self, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}

    def peer(self, listener_dialects: ListenerDialects, handshake: Handshake, head: Head) -> Peer:
        """Return the protocol for a connection that requests a WebSocket with this head."""
        peer = Peer(self._gateway_state, listener_dialects, handshake, head)
        peer.factory = self
        vars(peer).update(self._options)
        return peer
