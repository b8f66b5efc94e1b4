"""The door: takes a connection, reads the head of its first request, and passes it on.

A request for a WebSocket goes to Autobahn, any other to the web page; both then have the real
transport below them, and nothing of the other.
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
from wsevents.system.sockets import fit_out

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
_QUIET_SECONDS = 60.0
_BUSY = Respond(503, (("Retry-After", "10"),))
_log = Logger()


@define(eq=False)
class RejectionLog:
    """Tells the log of connections that came to nothing: each kind once a minute at most, with a count."""

    keepalive: Timers
    _untold: Counter[str] = field(init=False, factory=Counter)
    _told: dict[str, float] = field(init=False, factory=dict)

    def tell(self, what: str, address: str, more: str = "") -> None:
        """One more; `what` goes on after "a connection from so-and-so", `more` is of this one alone."""
        self._untold[what] += 1
        now = self.keepalive.now()
        if now - self._told.get(what, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[what] = now
            _log.info(
                "a connection from {address} {what}{more} (such connections since last told: {count})",
                address=address,
                what=what,
                more=more,
                count=self._untold.pop(what),
            )


@define(eq=False)
class HandshakePolicy:
    """What all doors share.

    Attributes:
        ledger: of those who come to nothing.
        trusted: proxies that are believed whom they speak for.
        doors: those through which a connection stands, whatever became of it inside, and porches.
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
        """Admit by these limits from now on."""
        self.admission.limits = limits
        self.handshake_seconds = limits.handshake_seconds
        self.start_next()

    def start_next(self) -> None:
        """Begin with those whose turn it is."""
        while (handshake := self.admission.next()) is not None:
            handshake.begin()

    def reject_excess(self) -> None:
        """Send away who is one too many in the line."""
        handshake = self.admission.excess()
        if handshake is not None:
            handshake.reject("too many wait for their handshake")


class Handshake(Protocol):
    """One connection until it is known what it wants; afterwards it only passes data on.

    Attributes:
        address, port: of the peer; of a trusted proxy, until its request has said for whom it speaks.
        secure: whether the peer came over TLS, here or to such a proxy.
        inside: who has it now, or None.

    Args:
        keeper: of all doors.
        gate: what is served behind it.
        there: where the connection comes from; None: as the transport has it.
    """

    transport: Any

    def __init__(
        self, policy: HandshakePolicy, listener_dialects: ListenerDialects, there: IAddress | None = None
    ) -> None:
        self._policy = policy
        self._listener_dialects = listener_dialects
        self._there: Any = there
        self._trusted = False
        self.inside: Any = None
        self._data = b""
        self._begun = False
        self._failed = False
        self._rejection_logged = False
        self.address = ""
        self.port = 0
        self.secure = False

    def connectionMade(self) -> None:
        """Let the peer in when it may; until then nothing of it is read."""
        policy, there = self._policy, self._there or self.transport.getPeer()
        self.address, self.port = getattr(there, "host", "") or LOCAL, getattr(there, "port", 0)
        self._trusted = policy.trusted.covers(self.address)
        self.secure = ISSLTransport.providedBy(self.transport) or getattr(there, "secure", False)
        proxied = getattr(there, "proxied", None)
        if proxied is None and (refusal := policy.admission.arrive(self, self.address, shared=self._trusted)):
            self.reject(refusal)
            return
        fit_out(self.transport)
        policy.handshakes.add(self)
        if proxied is not None:
            policy.admission.pass_on(proxied, self)
            self.begin()
            return
        policy.start_next()
        if not self._begun:
            self.transport.pauseProducing()
        policy.reject_excess()

    def reject(self, why: str) -> None:
        """End the connection before its turn.

        Nothing is said to the peer: an HTTP answer would need the TLS handshake first, which is what a
        connection costs most by, and so would be no protection.
        """
        self.fail("limit")
        self._policy.rejections.tell(f"was refused: {why}", self.address)
        self._policy.admission.leave(self)
        self.abort()

    def begin(self) -> None:
        """It is the peer's turn; give it some time to say what it wants."""
        self._begun = True
        if self._policy.handshake_seconds:
            self._policy.keepalive.after(self._too_late, "handshake", self._policy.handshake_seconds)
        self.transport.resumeProducing()

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Collect the head, then choose."""
        if self.inside is not None:
            self.inside.dataReceived(data)
            return
        if not self._begun:
            return
        self._data += data if self._data else data.lstrip(b"\r\n")  # RFC 9112 section 2.2
        end = head_end(self._data)
        if end is None and len(self._data) <= HEAD_MAX:
            return
        if end is None or end > HEAD_MAX:
            self._refuse(Respond(431))
        else:
            self._pass_on(end)

    def _pass_on(self, end: int) -> None:
        """Give the connection to whom it is for, with all that was received.

        A page's visitor has until the end of the handshake's time, for everything.
        """
        data, self._data = self._data, b""
        head = parse_head(data[:end])
        if head is None:
            self._refuse(Respond(400))
            return
        if self._trusted and (refusal := self._read_forwarded(head)):
            self.log_rejection(f"was refused: {refusal}")
            self.fail("limit")
            self._refuse(_BUSY)
            return
        if head.wants_websocket:
            self.inside = self._policy.peers.peer(self._listener_dialects, self, head)
            data = head.handshake() + data[end:]
        else:
            self.inside = self._policy.site.buildProtocol(self.transport.getPeer())
        self.inside.makeConnection(self.transport)
        self.inside.dataReceived(data)

    def _read_forwarded(self, head: Head) -> str | None:
        """Learn from a trusted proxy for whom it speaks; return why that one may not come in, or None."""
        over_tls = secure(head.headers)
        if over_tls is not None:
            self.secure = over_tls
        found = peer(head.headers, self._policy.trusted)
        if found is None:
            return None
        self.address, self.port = found
        if self._policy.trusted.covers(self.address):
            return None
        return self._policy.admission.known(self, self.address)

    def refused(self, answer: Respond, dialect: str = "") -> None:
        """Tell the log that the request was refused, and by which dialect."""
        if answer.status >= HTTPStatus.BAD_REQUEST:
            by = f" ({dialect})" if dialect else ""
            self.log_rejection(f"was refused: {answer.status} {HTTPStatus(answer.status).phrase}{by}")

    def _refuse(self, answer: Respond) -> None:
        self.refused(answer)
        self._data = b""
        self._begun = False
        self.fail(str(answer.status))
        self.finish()
        self.transport.write(http_answer(answer))
        self.transport.loseConnection()
        self._policy.keepalive.after(self._too_late, "handshake", _CLOSING_SECONDS)

    def finish(self) -> None:
        """The handshake is over; does nothing the second time."""
        self._policy.keepalive.clear(self._too_late, "handshake")
        self._policy.admission.finish(self)
        self._policy.start_next()

    def request_complete(self) -> None:
        """The peer has said all that it has to say for now: it is not late any more, if others are."""
        self._policy.keepalive.clear(self._too_late, "handshake")

    def log_rejection(self, what: str, more: str = "") -> None:
        """Tell the log what became of the connection, once, the first reason; see `RejectionLog.tell`."""
        if self._rejection_logged:
            return
        self._rejection_logged = True
        self._policy.rejections.tell(what, self.address, more)

    def fail(self, reason: str) -> None:
        """Count a handshake that comes to nothing; once, for its first reason."""
        if not self._failed:
            self._failed = True
            self._policy.session_log.failed[reason] += 1

    def _too_late(self, name: str) -> None:
        self.fail("timeout")
        self._policy.rejections.tell("did not finish its handshake in time", self.address)
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the peer out, and tell whom it was passed on to."""
        if self.inside is None:
            self.fail("lost")
        self.finish()
        self._policy.admission.leave(self)
        self._policy.start_next()
        self._policy.handshakes.remove(self)
        inside, self.inside = self.inside, None
        if inside is not None:
            inside.connectionLost(reason)


@implementer(IProtocolNegotiationFactory)
class HandshakeFactory(ServerFactory):
    """Listens. It names its ALPN protocol, or Twisted would refuse every browser."""

    noisy = False

    def __init__(self, policy: HandshakePolicy, listener_dialects: ListenerDialects) -> None:
        self._policy = policy
        self._listener_dialects = listener_dialects

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only (RFC 7301): WebSockets begin there."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Handshake:
        """Return a door for a new connection."""
        return Handshake(self._policy, self._listener_dialects, addr)

    def proxied(self, inner: IProtocolFactory) -> ProxiedFactory:
        """Return what listens for proxies in place of a factory that leads to these doors."""
        return ProxiedFactory(self._policy, inner)
