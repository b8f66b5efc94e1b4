"""The handshake: read the head of a connection's first request, then hand the connection over.

A WebSocket request goes to Autobahn, any other request to the web page. Both get the real transport.
"""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.interfaces import IProtocolNegotiationFactory, ISSLTransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.effects import Respond
from wsevents.connections.proxied import ProxiedFactory
from wsevents.connections.registry import Registry
from wsevents.core.forwarded import LOCAL, Proxies, peer, proxies, secure
from wsevents.core.http_head import HEAD_MAX, head_end, http_answer, parse_head
from wsevents.core.session_log import SessionLog
from wsevents.system.sockets import set_socket_options

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProtocolFactory
    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from wsevents.api.settings import Limits
    from wsevents.connections.gateway_state import ListenerDialects
    from wsevents.connections.proxied import ProxiedConnection
    from wsevents.connections.timers import Timers
    from wsevents.connections.websocket import PeerFactory
    from wsevents.core.admission import Admission
    from wsevents.core.http_head import Head

_CLOSING_SECONDS = 5.0
_LOG_INTERVAL_SECONDS = 60.0
_BUSY = Respond(503, (("Retry-After", "10"),))
_log = Logger()


@define(eq=False)
class RejectionLog:
    """Logs rejected connections: each reason at most once a minute, with the number of connections."""

    keepalive: Timers
    _counts: Counter[str] = field(init=False, factory=Counter)
    _last_logged: dict[str, float] = field(init=False, factory=dict)

    def log(self, what: str, address: str, more: str = "") -> None:
        """Count a rejected connection, and log it if this reason is due.

        Args:
            what: the reason; connections with the same reason are counted together.
            address: of the client.
            more: details of this connection only, appended to the reason.
        """
        self._counts[what] += 1
        now = self.keepalive.now()
        if now - self._last_logged.get(what, -_LOG_INTERVAL_SECONDS) >= _LOG_INTERVAL_SECONDS:
            self._last_logged[what] = now
            _log.info(
                "a connection from {address} was rejected: {what}{more} ({count} since the last such line)",
                address=address,
                what=what,
                more=more,
                count=self._counts.pop(what),
            )


@define(eq=False)
class HandshakePolicy:
    """What all handshakes share.

    Attributes:
        session_log: counts failed handshakes.
        trusted: proxies whose client-address headers are trusted.
        handshakes: every connection, also after the handshake, and those that wait for a PROXY header.
    """

    admission: Admission[Handshake | ProxiedConnection]
    keepalive: Timers
    handshake_seconds: float
    peers: PeerFactory
    site: Site
    session_log: SessionLog = field(factory=SessionLog)
    trusted: Proxies = field(factory=lambda: proxies(()))
    handshakes: Registry[Handshake | ProxiedConnection] = field(init=False, factory=Registry)
    rejections: RejectionLog = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rejections = RejectionLog(self.keepalive)

    def reconfigure(self, limits: Limits) -> None:
        """Apply reloaded limits to new connections."""
        self.admission.limits = limits
        self.handshake_seconds = limits.handshake_seconds
        self.start_next()

    def start_next(self) -> None:
        """Begin the handshakes that admission permits now."""
        while (handshake := self.admission.next()) is not None:
            handshake.begin()

    def reject_excess(self) -> None:
        """Reject a connection if too many wait for their handshake."""
        handshake = self.admission.excess()
        if handshake is not None:
            handshake.reject("too many connections wait for their handshake")


class Handshake(Protocol):
    """One connection. It reads the first request; afterwards it passes all data to `delegate`.

    Attributes:
        address, port: of the client. Behind a trusted proxy they are the proxy's until the request is read.
        secure: whether the client uses TLS, to this listener or to a trusted proxy.
        delegate: the protocol that the connection was handed to, or None.

    Args:
        policy: shared by all handshakes.
        listener_dialects: the dialects of the listener.
        peer_address: of the client, if a PROXY header gave it; None: as the transport says.
    """

    transport: Any

    def __init__(
        self,
        policy: HandshakePolicy,
        listener_dialects: ListenerDialects,
        peer_address: IAddress | None = None,
    ) -> None:
        self._policy = policy
        self._listener_dialects = listener_dialects
        self._peer_address: Any = peer_address
        self._trusted = False
        self.delegate: Any = None
        self._data = b""
        self._begun = False
        self._failed = False
        self._rejection_logged = False
        self.address = ""
        self.port = 0
        self.secure = False

    def connectionMade(self) -> None:
        """Admit the connection or reject it. Nothing is read before its handshake begins."""
        policy, peer_address = self._policy, self._peer_address or self.transport.getPeer()
        self.address, self.port = getattr(peer_address, "host", "") or LOCAL, getattr(peer_address, "port", 0)
        self._trusted = policy.trusted.covers(self.address)
        self.secure = ISSLTransport.providedBy(self.transport) or getattr(peer_address, "secure", False)
        proxied = getattr(peer_address, "proxied", None)
        if proxied is None and (refusal := policy.admission.arrive(self, self.address, shared=self._trusted)):
            self.reject(refusal)
            return
        set_socket_options(self.transport)
        policy.handshakes.add(self)
        if proxied is not None:
            policy.admission.replace(proxied, self)
            self.begin()
            return
        policy.start_next()
        if not self._begun:
            self.transport.pauseProducing()
        policy.reject_excess()

    def reject(self, why: str) -> None:
        """Abort the connection before its handshake.

        The client gets no answer: an HTTP answer would need the TLS handshake, the most expensive part of
        a connection, and so would not protect the gateway.
        """
        self.fail("limit")
        self._policy.rejections.log(why, self.address)
        self._policy.admission.leave(self)
        self.abort()

    def begin(self) -> None:
        """Start to read the request, and start the handshake timeout."""
        self._begun = True
        if self._policy.handshake_seconds:
            self._policy.keepalive.after(self._timeout, "handshake", self._policy.handshake_seconds)
        self.transport.resumeProducing()

    def abort(self) -> None:
        """Abort the connection."""
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Collect the request's head; pass later data to `delegate`."""
        if self.delegate is not None:
            self.delegate.dataReceived(data)
            return
        if not self._begun:
            return
        self._data += data if self._data else data.lstrip(b"\r\n")  # RFC 9112 section 2.2
        end = head_end(self._data)
        if end is None and len(self._data) <= HEAD_MAX:
            return
        if end is None or end > HEAD_MAX:
            self._reject_request(Respond(431))
        else:
            self._hand_over(end)

    def _hand_over(self, end: int) -> None:
        """Parse the head and hand the connection over, with all data received so far.

        A page request must be complete, and its connection closed, within the handshake timeout.
        """
        data, self._data = self._data, b""
        head = parse_head(data[:end])
        if head is None:
            self._reject_request(Respond(400))
            return
        if self._trusted and (refusal := self._read_forwarded(head)):
            self.log_rejection(refusal)
            self.fail("limit")
            self._reject_request(_BUSY)
            return
        if head.wants_websocket:
            self.delegate = self._policy.peers.peer(self._listener_dialects, self, head)
            data = head.handshake() + data[end:]
        else:
            self.delegate = self._policy.site.buildProtocol(self.transport.getPeer())
        self.delegate.makeConnection(self.transport)
        self.delegate.dataReceived(data)

    def _read_forwarded(self, head: Head) -> str | None:
        """Take the client's address from the headers of a trusted proxy.

        Returns:
            Why admission rejects the client, or None.
        """
        over_tls = secure(head.headers)
        if over_tls is not None:
            self.secure = over_tls
        client = peer(head.headers, self._policy.trusted)
        if client is None:
            return None
        self.address, self.port = client
        if self._policy.trusted.covers(self.address):
            return None
        return self._policy.admission.known(self, self.address)

    def log_refusal(self, answer: Respond, dialect: str = "") -> None:
        """Log a request that was rejected with an HTTP error, and the dialect that rejected it."""
        if answer.status >= HTTPStatus.BAD_REQUEST:
            by = f" ({dialect})" if dialect else ""
            self.log_rejection(f"{answer.status} {HTTPStatus(answer.status).phrase}{by}")

    def _reject_request(self, answer: Respond) -> None:
        self.log_refusal(answer)
        self._data = b""
        self._begun = False
        self.fail(str(answer.status))
        self.finish()
        self.transport.write(http_answer(answer))
        self.transport.loseConnection()
        self._policy.keepalive.after(self._timeout, "handshake", _CLOSING_SECONDS)

    def finish(self) -> None:
        """End the handshake; a second call does nothing."""
        self._policy.keepalive.clear(self._timeout, "handshake")
        self._policy.admission.finish(self)
        self._policy.start_next()

    def request_complete(self) -> None:
        """Stop the handshake timeout: from now on the client waits for the gateway."""
        self._policy.keepalive.clear(self._timeout, "handshake")

    def log_rejection(self, what: str, more: str = "") -> None:
        """Log why the connection was rejected; only the first call logs. See `RejectionLog.log`."""
        if self._rejection_logged:
            return
        self._rejection_logged = True
        self._policy.rejections.log(what, self.address, more)

    def fail(self, reason: str) -> None:
        """Count a failed handshake by its reason; only the first call counts."""
        if not self._failed:
            self._failed = True
            self._policy.session_log.failed[reason] += 1

    def _timeout(self, name: str) -> None:
        self.fail("timeout")
        self._policy.rejections.log("timeout of the handshake", self.address)
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Release the connection's place in admission, and notify `delegate`."""
        if self.delegate is None:
            self.fail("lost")
        self.finish()
        self._policy.admission.leave(self)
        self._policy.start_next()
        self._policy.handshakes.remove(self)
        delegate, self.delegate = self.delegate, None
        if delegate is not None:
            delegate.connectionLost(reason)


@implementer(IProtocolNegotiationFactory)
class HandshakeFactory(ServerFactory):
    """Makes handshakes for a listener. It names its ALPN protocol; otherwise Twisted rejects all browsers."""

    noisy = False

    def __init__(self, policy: HandshakePolicy, listener_dialects: ListenerDialects) -> None:
        self._policy = policy
        self._listener_dialects = listener_dialects

    def acceptableProtocols(self) -> list[bytes]:
        """Return HTTP/1.1 only (RFC 7301): WebSockets begin with it."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Handshake:
        return Handshake(self._policy, self._listener_dialects, addr)

    def proxied(self, inner: IProtocolFactory) -> ProxiedFactory:
        """Return a factory that reads a PROXY header, then continues with `inner`."""
        return ProxiedFactory(self._policy, inner)
