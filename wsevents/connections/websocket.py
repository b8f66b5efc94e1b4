"""The WebSocket server: Autobahn's protocol at one end, the runner of a session at the other.

Everything that a peer is sent passes through its one queue. Autobahn speaks RFC 6455; what of it is
bent here, and why, is said where it is done.
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
from wsevents.core.origins import is_own, may_come_from
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
"""How long a peer may take to answer a close frame and to end the connection."""
LOOK_AGAIN_SECONDS = 1.0
"""How long until we look again whether an authority has said who a peer is."""
FRAGMENTS = 4096
"""Frames that one message may be cut into: empty ones would cost memory without counting as size."""
_FAULTS: Mapping[int | None, CloseReason] = {reason.code: reason for reason in (BROKEN, NOT_UTF8, TOO_BIG)}
"""Autobahn's reasons to end a connection."""
_PING, _PONG = 0x89, 0x8A
_LATER = Respond(503, (("Retry-After", "10"),))
_TOLD = 200
"""Characters of an origin that the log has."""


class Peer(WebSocketServerProtocol):
    """One connection.

    Autobahn owns the names `log`, `state`, `peer`, `factory`, `data`; ours have an underscore.
    """

    log = NullLogger()
    _log = Logger()
    CONFIG_ATTRS: list[str] = []  # noqa: RUF012 Autobahn would pretty-print them for each peer
    transport: Any
    _perMessageCompress: Any
    outbound: SendQueue  # from connectionMade on
    _runner: SessionRunner  # these two from onConnect on
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
        self._head: Head | None = head  # until it was read
        self._answer: Deferred[Any] = Deferred()
        self._response: Respond | None = None
        self._known = False
        self._open = False
        self._failed = False  # after the upgrade was accepted, before the WebSocket is open
        self._gone = False
        self._reading = True
        self._close_reason: CloseReason | None = None
        self._why = ""
        self._fragments = 0
        self._id = ""
        self._since = 0.0
        self._received = 0
        self._taken = 0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Take over the connection from the door."""
        settings = self._gateway_state.outbound
        writer = make_writer(self.transport, through=settings.write_through)
        self.outbound = SendQueue(writer, self._gateway_state.flusher, settings.peer_bytes, self)
        self._connectionMade()  # Autobahn's own would first gather for its log what TLS can tell

    def onConnect(self, request: Any) -> Any:
        """Find the dialect of the request, and let its session decide whether to upgrade."""
        try:
            self._start_session(self._request())
        except ConnectionDeny:
            raise
        except Exception:  # noqa: BLE001 a dialect's mistake must cost this peer only
            self._log.error("a dialect failed: {safe_location}", safe_location=safe_location(Failure()))
            raise ConnectionDeny(500, "Internal Server Error") from None
        return self._answer

    def _request(self) -> Request:
        """Return the request as it came; Autobahn has seen an extract."""
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
        """Begin the session that the request asks for. Raises ConnectionDeny."""
        served = self._listener_dialects.served_for(request.path)
        if served is None:
            raise ConnectionDeny(404, "Not Found")
        wire = served.dialect.wire
        self.maxMessagePayloadSize = wire.message_max
        if wire.deflate:
            self.perMessageCompressionAccept = compression.accept
        session = served.dialect.session(request, self._gateway_state.entropy)
        self._runner = SessionRunner(self._gateway_state, served, session, self)
        self._keepalive = Keepalive(
            wire, self._gateway_state.keepalive, self.sendPing, self._pong_expected, self.close
        )
        self._known = True
        if self._origin_allowed(request, wire):
            self._runner.tell(lambda session, now: session.requested(now))
        else:
            self._runner.tell(lambda session, now: session.origin_refused(now))
        if not self._answer.called and self._expect_identity():
            self._handshake.request_complete()

    def _origin_allowed(self, request: Request, wire: ConnectionPolicy) -> bool:
        """Say whether the page may connect that asks, if one does."""
        origin = request.headers.get("origin")
        if may_come_from(origin, wire.origins) or (wire.own_pages and is_own(request)):
            return True
        self._handshake.log_rejection(
            "was refused, as pages of its origin may not connect",
            f": {origin!r:.{_TOLD}}; who wants it to names it in {wire.origins_key}",
        )
        return False

    def _expect_identity(self) -> bool:
        """Give a peer that is not known some time for that; say whether it has only so much."""
        seconds = self._gateway_state.limits.authentication_seconds
        if not seconds or self._runner.served.dialect.wire.anonymous or self.identity is not None:
            return False
        self._gateway_state.keepalive.after(self._authentication_timeout, "identity", seconds)
        return True

    def _authentication_timeout(self, name: str) -> None:
        """End what took too long; who has opened waits for the authority, if it is asked: it will answer."""
        if self.identity is not None:
            return
        if self._open:
            if self._runner.asks:
                self._gateway_state.keepalive.after(self._authentication_timeout, name, LOOK_AGAIN_SECONDS)
            else:
                self.close(UNAUTHENTICATED)
        elif not self._answer.called:
            self._handshake.log_rejection("was refused: its authority did not say in time who it is")
            self._runner.leave()
            self.respond(_LATER)

    def _pong_expected(self) -> bool:
        """Say whether a ping is under way, and its answer would be read."""
        return self._reading and not self.outbound.behind

    def onOpen(self) -> None:
        """Begin the session."""
        gateway_state = self._gateway_state
        self._open = True
        self._since = gateway_state.now()
        self._id = gateway_state.session_log.opened_session(self.dialect.name)
        if self._perMessageCompress is not None:
            self.outbound.deflate = True
        self._handshake.finish()
        gateway_state.registry.add(self)
        if LEVEL.debugs:
            self._log_opened()
        self.transport.registerProducer(self.outbound, True)
        self._keepalive.start()
        if self._failed:
            self.close(INTERNAL_ERROR)
            return
        if not gateway_state.bus_up:
            self.bus_lost()
        self._runner.tell(lambda session, now: session.opened(now))
        if gateway_state.stopping:
            self.close(GOING_AWAY)
        elif self._close_reason is None:
            self._expect_identity()

    def onMessageFrameBegin(self, length: int) -> None:
        """Bound the number of frames of a message, as Autobahn bounds their size."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > FRAGMENTS and not self.failedByMe:
            self._fail_connection(TOO_BIG.code, "too many frames")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Pass a message on to the session; Autobahn has checked that text is UTF-8."""
        self._fragments = 0
        if self._close_reason is None:
            self._received += 1
            self._keepalive.heard()
            self._runner.receive(payload if isBinary else payload.decode("utf-8"))

    def onPing(self, payload: bytes) -> None:
        """Answer, and count it as a message."""
        self._keepalive.heard()
        self._runner.charge()
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        """The peer is there."""
        self._keepalive.heard()
        self._keepalive.pong()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Leave everything; also called when the handshake never ended."""
        if self._gone:
            return
        self._gone = True
        by = "gateway"
        if self._close_reason is None:
            self._close_reason, by = (BY_THE_PEER, "peer") if wasClean else (LOST, "nobody")
            self._why = "" if code is None or not wasClean else f"code {code}"
        self.outbound.stopProducing()
        self._gateway_state.keepalive.clear(self._close_timeout, "closing")
        self._gateway_state.keepalive.clear(self._check_progress, "behind")
        self._gateway_state.keepalive.clear(self._authentication_timeout, "identity")
        self._handshake.finish()
        if self._known:
            self._runner.leave()
            self._keepalive.stop()
        if self._open:
            self._gateway_state.registry.remove(self)
            self._record(self._close_reason, by, code)
            self._log_closed(self._close_reason)
        else:
            self._handshake.fail("lost")

    # -- from the runner ----------------------------------------------------------------------

    def respond(self, response: Respond) -> None:
        """Answer the request with an HTTP error."""
        self._response = response
        self._answer.errback(ConnectionDeny(response.status, "refused"))

    def accept(self, headers: Mapping[str, str]) -> None:
        """Answer the request with an upgrade and these further headers."""
        self._answer.callback((None, dict(headers)))

    def reply(self, frames: bytes) -> None:
        """Queue wire bytes of the session's own."""
        self.outbound.reply(frames)

    def read(self, *, wanted: bool) -> None:
        """Read from the connection, or do not."""
        if wanted is self._reading or self._gone:
            return
        self._reading = wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def fail(self) -> None:
        """End what failed on our side: by HTTP 500, or by 1011 as soon as the WebSocket is open."""
        if self._open:
            self.close(INTERNAL_ERROR)
            return
        self._runner.leave()
        if self._answer.called:
            self._failed = True
        else:
            self._answer.errback(ConnectionDeny(500, "Internal Server Error"))

    def close(self, reason: CloseReason, why: str = "", longest: float = 0.0) -> None:
        """End the session, once; the connection is aborted if the peer does not see it through.

        Args:
            reason: what the close frame says.
            why: further explanation, for the log only.
            longest: seconds that queued messages may take, if that is more than `CLOSING_SECONDS`.
        """
        if self._close_reason is not None or self._gone:
            return
        self._close_reason, self._why = reason, why
        self._runner.leave()
        self._gateway_state.keepalive.after(self._close_timeout, "closing", max(CLOSING_SECONDS, longest))
        if reason.code is None:
            self.dropConnection(abort=False)
        else:
            # sendClose refuses codes that RFC 6455 section 7.4.1 keeps for endpoints, such as 1011.
            self.sendCloseFrame(reason.code, reason.reason.encode("utf-8"))

    # -- from the gateway ---------------------------------------------------------------------

    @property
    def dialect(self) -> IDialect:
        """What it speaks."""
        return self._runner.served.dialect

    @property
    def identity(self) -> Identity | None:
        """Who it is, once that is known."""
        return self._runner.identity

    def bus_lost(self) -> None:
        """No events can come for now."""
        self._runner.tell(lambda session, now: session.bus_lost(now))

    def bus_back(self) -> None:
        """Events can come again."""
        self._runner.tell(lambda session, now: session.bus_back(now))

    def revise(self) -> None:
        """Tell the session what its authority now says of its identity."""
        identity = self.identity
        if identity is not None:
            answer = self._runner.served.authority.revise(identity)
            self._runner.tell(lambda session, now: session.identity_changed(answer, now))

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    # -- the end ------------------------------------------------------------------------------

    def fell_behind(self) -> None:
        """Watch whether the peer takes anything at all; the queue's call."""
        self._taken = self.outbound.writer.taken()
        self._gateway_state.keepalive.after(
            self._check_progress, "behind", self._gateway_state.outbound.write_deadline
        )

    def caught_up(self) -> None:
        """It does; the queue's call."""
        self._gateway_state.keepalive.clear(self._check_progress, "behind")

    def too_slow(self, why: str) -> None:
        """End the session; the queue has dropped what waited, at a frame boundary."""
        self.close(TOO_SLOW, why)

    def _check_progress(self, _: str) -> None:
        if self.outbound.writer.taken() > self._taken:
            self.fell_behind()
        else:
            self.outbound.give_up("it took nothing within outbound.write_deadline")

    def _close_timeout(self, _: str) -> None:
        """The peer has not seen the closing through in time."""
        self.dropConnection(abort=True)
        self.transport.abortConnection()

    def info(self) -> SessionInfo:
        """Return what there is to say of the session so far."""
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
        """Enter the end into the ledger."""
        gateway_state, info = self._gateway_state, self.info()
        said = reason.code if by == "gateway" else code if by == "peer" else None
        gateway_state.session_log.closed_session(
            ClosedSession(info, gateway_state.now(), said, reason.meaning, self._why), by
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
        """Log the one line that a session leaves."""
        info = self.info()
        self._log.info(
            "session over: {dialect} {address} user={user} tenant={tenant} {seconds:.0f} s, "
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

    # -- Autobahn, bent -----------------------------------------------------------------------

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send what Autobahn has to say by the queue, so that nothing overtakes anything.

        A peer that pings and does not read would have its pongs pile up: they count like events.
        """
        if data[0] in (_PING, _PONG):
            self.outbound.reply(data)
        else:
            self.outbound.insist(data)

    def dataReceived(self, data: bytes) -> None:
        """Pass data on, and do not write each time what a log that is off would say."""
        self._dataReceived(data)

    def _onOpen(self) -> None:
        self.onOpen()

    def _closeConnection(self, abort: bool = False) -> None:
        """Hand over what waits before the connection ends, and see to it that it does end."""
        if not abort and not self._gone:
            self.outbound.finish()
            self._gateway_state.keepalive.clear(self._check_progress, "behind")
            self._gateway_state.keepalive.after(self._close_timeout, "closing", CLOSING_SECONDS)
        super()._closeConnection(abort)

    def dropConnection(self, abort: bool = False) -> None:
        """After a clean close, end TCP cleanly too: a reset makes browsers report an unclean close."""
        super().dropConnection(abort=abort and not self.wasClean)

    def _fail_connection(self, code: int | None = 1001, reason: str = "going away") -> None:
        """Close for a mistake against RFC 6455 in our way; `reason` is Autobahn's, for the log."""
        self.failedByMe = True
        self.close(_FAULTS.get(code, BROKEN), reason)

    def succeedHandshake(self, res: Any) -> None:
        """Upgrade and open. Autobahn would lose an exception from here, and serve half a session."""
        try:
            super().succeedHandshake(res)
        except Exception:  # noqa: BLE001 whatever it is, it must cost this peer only
            self._log.error(
                "a session could not be opened: {safe_location}", safe_location=safe_location(Failure())
            )
            self._fail_opening()

    def _fail_opening(self) -> None:
        """End a session whose opening failed, at whatever step."""
        try:
            if self.state == self.STATE_CONNECTING:
                self._runner.leave()
                self.failHandshake("Internal Server Error", 500)
            else:
                self.fail()
        finally:
            if self.state in {self.STATE_CONNECTING, self.STATE_OPEN}:  # the peer could not be told
                self.abort()

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """Answer a bad request; `reason` is not logged nor sent, it may quote the URL and its token."""
        response = self._response or Respond(code, tuple(responseHeaders or ()))
        self._handshake.refused(response, self._runner.served.dialect.name if self._known else "")
        self.wasNotCleanReason = "refused"
        self._handshake.fail(str(response.status))
        self.sendData(http_answer(response))
        self.dropConnection(abort=False)


class PeerFactory(WebSocketServerFactory):
    """Makes Autobahn protocols that are peers; it does not listen, the door does."""

    def __init__(self, gateway_state: GatewayState, reactor: Any) -> None:
        super().__init__(reactor=reactor, server="wsevents")
        self._gateway_state = gateway_state
        self.setProtocolOptions(
            webStatus=False,
            failByDrop=False,
            echoCloseCodeReason=True,
            # Handshakes, closing and pings have one timer for the whole server, in alarms.py.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            allowedOrigins=["*"],
            allowNullOrigin=True,
        )
        self._options = {name: getattr(self, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}

    def peer(self, listener_dialects: ListenerDialects, handshake: Handshake, head: Head) -> Peer:
        """Return a protocol for a connection that asks for a WebSocket with this head."""
        peer = Peer(self._gateway_state, listener_dialects, handshake, head)
        peer.factory = self
        vars(peer).update(self._options)
        return peer
