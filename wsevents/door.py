"""The door: takes a connection, reads the head of its first request, and passes it on.

A request for a WebSocket goes to Autobahn, any other to the web page; both then have the real
transport below them, and nothing of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.knock import HEAD_MAX, head_end, wants_websocket
from wsevents.messages import Refuse
from wsevents.server import http_answer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure
    from twisted.web.server import Site

    from wsevents.admission import Admission
    from wsevents.alarms import Alarms
    from wsevents.server import PeerFactory

_CLOSING_SECONDS = 5.0


@define(eq=False)
class Doorkeeper:
    """What all doors share."""

    admission: Admission
    keepalive: Alarms
    handshake_seconds: float
    peers: PeerFactory
    site: Site


class Door(Protocol):
    """One connection until it is known what it wants; afterwards it only passes data on.

    Attributes:
        address, port: of the peer.
    """

    _log = Logger()
    transport: Any

    def __init__(self, keeper: Doorkeeper) -> None:
        self._keeper = keeper
        self._inside: Any = None
        self._data = b""
        self._counted = False
        self._pending = False
        self.address = ""
        self.port = 0

    def connectionMade(self) -> None:
        """Let the peer in, if it may, and give it some time to say what it wants."""
        there = self.transport.getPeer()
        self.address = getattr(there, "host", "") or "local"
        self.port = getattr(there, "port", 0)
        refusal = self._keeper.admission.arrive(self.address)
        if refusal is not None:
            self._log.info(
                "connection from {address} refused: {refusal}", address=self.address, refusal=refusal
            )
            self.transport.abortConnection()
            return
        self._counted = self._pending = True
        if self._keeper.handshake_seconds:
            keepalive = self._keeper.keepalive
            keepalive.set(self._too_late, "handshake", keepalive.now() + self._keeper.handshake_seconds)

    def dataReceived(self, data: bytes) -> None:
        """Collect the head, then choose."""
        if self._inside is not None:
            self._inside.dataReceived(data)
            return
        if not self._counted:
            return
        self._data += data
        end = head_end(self._data)
        if end is None and len(self._data) <= HEAD_MAX:
            return
        if end is None or end > HEAD_MAX:
            self._refuse(431)
        else:
            self._pass_on(self._data[:end])

    def _pass_on(self, head: bytes) -> None:
        """Give the connection to whom it is for, with all that was received."""
        data, self._data = self._data, b""
        if wants_websocket(head):
            self._inside = self._keeper.peers.peer(self)
        else:
            self._inside = self._keeper.site.buildProtocol(self.transport.getPeer())
            self.settle()
        self._inside.makeConnection(self.transport)
        self._inside.dataReceived(data)

    def _refuse(self, status: int) -> None:
        self._data = b""
        self._counted_out()
        self.transport.write(http_answer(Refuse(status)))
        self.transport.loseConnection()
        keepalive = self._keeper.keepalive
        keepalive.set(self._too_late, "handshake", keepalive.now() + _CLOSING_SECONDS)

    def settle(self) -> None:
        """The handshake is over; does nothing the second time."""
        if self._pending:
            self._pending = False
            self._keeper.admission.settle(self.address)
            self._keeper.keepalive.clear(self._too_late, "handshake")

    def _counted_out(self) -> None:
        self.settle()
        if self._counted:
            self._counted = False
            self._keeper.admission.leave(self.address)

    def _too_late(self, name: str) -> None:
        self._log.info("connection from {address} did not finish its handshake in time", address=self.address)
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the peer out, and tell whom it was passed on to."""
        self._counted_out()
        self._keeper.keepalive.clear(self._too_late, "handshake")
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.connectionLost(reason)


@implementer(IProtocolNegotiationFactory)
class DoorFactory(ServerFactory):
    """Listens. It names its ALPN protocol, or Twisted would refuse every browser."""

    noisy = False

    def __init__(self, keeper: Doorkeeper) -> None:
        self._keeper = keeper

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only (RFC 7301): WebSockets begin there."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Door:
        """Return a door for a new connection."""
        return Door(self._keeper)
