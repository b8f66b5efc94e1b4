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

from wsevents.entrance.forwarded import LOCAL, Proxies, peer, proxies, secure
from wsevents.entrance.knock import HEAD_MAX, head_end, http_answer, parse_head
from wsevents.entrance.porch import PorchFactory
from wsevents.kernel import fit_out
from wsevents.ledger import Ledger
from wsevents.messages import Refuse
from wsevents.roster import Roster

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IProtocolFactory
    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from wsevents.alarms import Alarms
    from wsevents.entrance.admission import Admission
    from wsevents.entrance.knock import Head
    from wsevents.entrance.porch import Porch
    from wsevents.house import Gate
    from wsevents.server import PeerFactory
    from wsevents.settings import Limits

_CLOSING_SECONDS = 5.0
_QUIET_SECONDS = 60.0
_BUSY = Refuse(503, (("Retry-After", "10"),))
_log = Logger()


@define(eq=False)
class Complaints:
    """Tells the log of connections that came to nothing: each kind once a minute at most, with a count."""

    keepalive: Alarms
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
class Doorkeeper:
    """What all doors share.

    Attributes:
        ledger: of those who come to nothing.
        trusted: proxies that are believed whom they speak for.
        doors: those through which a connection stands, whatever became of it inside, and porches.
    """

    admission: Admission[Door | Porch]
    keepalive: Alarms
    handshake_seconds: float
    peers: PeerFactory
    site: Site
    ledger: Ledger = field(factory=Ledger)
    trusted: Proxies = field(factory=lambda: proxies(()))
    doors: Roster[Door | Porch] = field(init=False, factory=Roster)
    complaints: Complaints = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.complaints = Complaints(self.keepalive)

    def renew(self, limits: Limits) -> None:
        """Admit by these limits from now on."""
        self.admission.limits = limits
        self.handshake_seconds = limits.handshake_seconds
        self.let_in()

    def let_in(self) -> None:
        """Begin with those whose turn it is."""
        while (door := self.admission.next()) is not None:
            door.begin()

    def make_room(self) -> None:
        """Send away who is one too many in the line."""
        door = self.admission.crowded_out()
        if door is not None:
            door.turn_away("too many wait for their handshake")


class Door(Protocol):
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

    def __init__(self, keeper: Doorkeeper, gate: Gate, there: IAddress | None = None) -> None:
        self._keeper = keeper
        self._gate = gate
        self._there: Any = there
        self._trusted = False
        self.inside: Any = None
        self._data = b""
        self._begun = False
        self._failed = False
        self._complained = False
        self.address = ""
        self.port = 0
        self.secure = False

    def connectionMade(self) -> None:
        """Let the peer in when it may; until then nothing of it is read."""
        keeper, there = self._keeper, self._there or self.transport.getPeer()
        self.address, self.port = getattr(there, "host", "") or LOCAL, getattr(there, "port", 0)
        self._trusted = keeper.trusted.covers(self.address)
        self.secure = ISSLTransport.providedBy(self.transport) or getattr(there, "secure", False)
        porch = getattr(there, "porch", None)
        if porch is None and (refusal := keeper.admission.arrive(self, self.address, shared=self._trusted)):
            self.turn_away(refusal)
            return
        fit_out(self.transport)
        keeper.doors.add(self)
        if porch is not None:
            keeper.admission.pass_on(porch, self)
            self.begin()
            return
        keeper.let_in()
        if not self._begun:
            self.transport.pauseProducing()
        keeper.make_room()

    def turn_away(self, why: str) -> None:
        """End the connection before its turn.

        Nothing is said to the peer: an HTTP answer would need the TLS handshake first, which is what a
        connection costs most by, and so would be no protection.
        """
        self.fail("limit")
        self._keeper.complaints.tell(f"was refused: {why}", self.address)
        self._keeper.admission.leave(self)
        self.abort()

    def begin(self) -> None:
        """It is the peer's turn; give it some time to say what it wants."""
        self._begun = True
        if self._keeper.handshake_seconds:
            self._keeper.keepalive.after(self._too_late, "handshake", self._keeper.handshake_seconds)
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
            self._refuse(Refuse(431))
        else:
            self._pass_on(end)

    def _pass_on(self, end: int) -> None:
        """Give the connection to whom it is for, with all that was received.

        A page's visitor has until the end of the handshake's time, for everything.
        """
        data, self._data = self._data, b""
        head = parse_head(data[:end])
        if head is None:
            self._refuse(Refuse(400))
            return
        if self._trusted and (refusal := self._look_behind(head)):
            self.complain(f"was refused: {refusal}")
            self.fail("limit")
            self._refuse(_BUSY)
            return
        if head.wants_websocket:
            self.inside = self._keeper.peers.peer(self._gate, self, head)
            data = head.handshake() + data[end:]
        else:
            self.inside = self._keeper.site.buildProtocol(self.transport.getPeer())
        self.inside.makeConnection(self.transport)
        self.inside.dataReceived(data)

    def _look_behind(self, head: Head) -> str | None:
        """Learn from a trusted proxy for whom it speaks; return why that one may not come in, or None."""
        over_tls = secure(head.headers)
        if over_tls is not None:
            self.secure = over_tls
        found = peer(head.headers, self._keeper.trusted)
        if found is None:
            return None
        self.address, self.port = found
        if self._keeper.trusted.covers(self.address):
            return None
        return self._keeper.admission.known(self, self.address)

    def refused(self, answer: Refuse, dialect: str = "") -> None:
        """Tell the log that the request was refused, and by which dialect."""
        if answer.status >= HTTPStatus.BAD_REQUEST:
            by = f" ({dialect})" if dialect else ""
            self.complain(f"was refused: {answer.status} {HTTPStatus(answer.status).phrase}{by}")

    def _refuse(self, answer: Refuse) -> None:
        self.refused(answer)
        self._data = b""
        self._begun = False
        self.fail(str(answer.status))
        self.settle()
        self.transport.write(http_answer(answer))
        self.transport.loseConnection()
        self._keeper.keepalive.after(self._too_late, "handshake", _CLOSING_SECONDS)

    def settle(self) -> None:
        """The handshake is over; does nothing the second time."""
        self._keeper.keepalive.clear(self._too_late, "handshake")
        self._keeper.admission.settle(self)
        self._keeper.let_in()

    def heard(self) -> None:
        """The peer has said all that it has to say for now: it is not late any more, if others are."""
        self._keeper.keepalive.clear(self._too_late, "handshake")

    def complain(self, what: str, more: str = "") -> None:
        """Tell the log what became of the connection, once, the first reason; see `Complaints.tell`."""
        if self._complained:
            return
        self._complained = True
        self._keeper.complaints.tell(what, self.address, more)

    def fail(self, reason: str) -> None:
        """Count a handshake that comes to nothing; once, for its first reason."""
        if not self._failed:
            self._failed = True
            self._keeper.ledger.failed[reason] += 1

    def _too_late(self, name: str) -> None:
        self.fail("timeout")
        self._keeper.complaints.tell("did not finish its handshake in time", self.address)
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the peer out, and tell whom it was passed on to."""
        if self.inside is None:
            self.fail("lost")
        self.settle()
        self._keeper.admission.leave(self)
        self._keeper.let_in()
        self._keeper.doors.remove(self)
        inside, self.inside = self.inside, None
        if inside is not None:
            inside.connectionLost(reason)


@implementer(IProtocolNegotiationFactory)
class DoorFactory(ServerFactory):
    """Listens. It names its ALPN protocol, or Twisted would refuse every browser."""

    noisy = False

    def __init__(self, keeper: Doorkeeper, gate: Gate) -> None:
        self._keeper = keeper
        self._gate = gate

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only (RFC 7301): WebSockets begin there."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Door:
        """Return a door for a new connection."""
        return Door(self._keeper, self._gate, addr)

    def porch(self, inner: IProtocolFactory) -> PorchFactory:
        """Return what listens for proxies in place of a factory that leads to these doors."""
        return PorchFactory(self._keeper, inner)
