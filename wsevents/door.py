"""The door: takes a connection, reads the head of its first request, and passes it on.

A request for a WebSocket goes to Autobahn, any other to the web page; both then have the real
transport below them, and nothing of the other.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.kernel import fit_out
from wsevents.knock import HEAD_MAX, head_end, parse_head
from wsevents.ledger import Ledger
from wsevents.messages import Refuse
from wsevents.roster import Roster
from wsevents.server import http_answer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from wsevents.admission import Admission
    from wsevents.alarms import Alarms
    from wsevents.house import Gate
    from wsevents.server import PeerFactory
    from wsevents.settings import Limits

_CLOSING_SECONDS = 5.0
_QUIET_SECONDS = 60.0
_log = Logger()


@define(eq=False)
class Complaints:
    """Tells the log of connections that came to nothing: each kind once a minute at most, with a count."""

    keepalive: Alarms
    _untold: Counter[str] = field(init=False, factory=Counter)
    _told: dict[str, float] = field(init=False, factory=dict)

    def tell(self, what: str, address: str) -> None:
        """One more; `what` goes on after "a connection from so-and-so"."""
        self._untold[what] += 1
        now = self.keepalive.now()
        if now - self._told.get(what, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[what] = now
            _log.info(
                "a connection from {address} {what} (such connections since last told: {count})",
                address=address,
                what=what,
                count=self._untold.pop(what),
            )


@define(eq=False)
class Doorkeeper:
    """What all doors share.

    Attributes:
        ledger: of those who come to nothing.
        doors: those through which a connection stands, whatever became of it inside.
    """

    admission: Admission[Door]
    keepalive: Alarms
    handshake_seconds: float
    peers: PeerFactory
    site: Site
    ledger: Ledger = field(factory=Ledger)
    doors: Roster[Door] = field(init=False, factory=Roster)
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
        address, port: of the peer.
        inside: who has it now, or None.
    """

    transport: Any

    def __init__(self, keeper: Doorkeeper, gate: Gate) -> None:
        self._keeper = keeper
        self._gate = gate
        self.inside: Any = None
        self._data = b""
        self._begun = False
        self._failed = False
        self.address = ""
        self.port = 0

    def connectionMade(self) -> None:
        """Let the peer in when it may; until then nothing of it is read."""
        there = self.transport.getPeer()
        self.address = getattr(there, "host", "") or "local"
        self.port = getattr(there, "port", 0)
        refusal = self._keeper.admission.arrive(self, self.address)
        if refusal is not None:
            self.turn_away(refusal)
            return
        fit_out(self.transport)
        self._keeper.doors.add(self)
        self._keeper.let_in()
        if not self._begun:
            self.transport.pauseProducing()
        self._keeper.make_room()

    def turn_away(self, why: str) -> None:
        """End the connection before its turn."""
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
            self._refuse(431)
        else:
            self._pass_on(end)

    def _pass_on(self, end: int) -> None:
        """Give the connection to whom it is for, with all that was received.

        A page's visitor has until the end of the handshake's time, for everything.
        """
        data, self._data = self._data, b""
        head = parse_head(data[:end])
        if head is None:
            self._refuse(400)
            return
        if head.wants_websocket:
            self.inside = self._keeper.peers.peer(self._gate, self, head)
            data = head.handshake() + data[end:]
        else:
            self.inside = self._keeper.site.buildProtocol(self.transport.getPeer())
        self.inside.makeConnection(self.transport)
        self.inside.dataReceived(data)

    def _refuse(self, status: int) -> None:
        self._data = b""
        self._begun = False
        self.fail(str(status))
        self.settle()
        self.transport.write(http_answer(Refuse(status)))
        self.transport.loseConnection()
        self._keeper.keepalive.after(self._too_late, "handshake", _CLOSING_SECONDS)

    def settle(self) -> None:
        """The handshake is over; does nothing the second time."""
        self._keeper.keepalive.clear(self._too_late, "handshake")
        self._keeper.admission.settle(self)
        self._keeper.let_in()

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
        return Door(self._keeper, self._gate)
