"""The porch: where a proxy for TCP says whom it speaks for, before TLS and everything else.

It reads the proxy's header (see `wsevents.entrance.proxy`) and nothing beyond, waits for the turn of the
peer, and then has the transport forget it: what was to listen in the first place, TLS included, gets the same
transport as without a proxy. So nothing of it is left in the way of an event.

Twisted's own wrapper for this stands within TLS, where no balancer speaks that leaves TLS alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from zope.interface import implementer

from wsevents.entrance.forwarded import LOCAL
from wsevents.entrance.proxy import Introduction, Mistake, read
from wsevents.entrance.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocolFactory
    from twisted.python.failure import Failure

    from wsevents.entrance.door import Doorkeeper


@implementer(IAddress)
@frozen
class Visitor:
    """Where a connection comes from, as a proxy has told it.

    Attributes:
        host, port: of the peer; those of the proxy, if it speaks for itself.
        secure: it came to the proxy over TLS.
        porch: where it waited for its turn, which has come.
    """

    host: str
    port: int
    secure: bool
    porch: Porch = field(eq=False, repr=False)


class Porch(Protocol):
    """One connection until it is the turn of the peer behind the proxy.

    Attributes:
        address: of the proxy, and then of the peer.
        inside: nobody.
    """

    transport: Any
    inside = None

    def __init__(self, keeper: Doorkeeper, inner: IProtocolFactory) -> None:
        self._keeper = keeper
        self._inner = inner
        self._data = b""
        self._heard: Introduction | None = None
        self._begun = False
        self._over = False
        self.address = ""
        self._port = 0

    def connectionMade(self) -> None:
        """Hear whom a trusted proxy speaks for; anybody else could say what he likes."""
        there, keeper = self.transport.getPeer(), self._keeper
        self.address, self._port = getattr(there, "host", "") or LOCAL, getattr(there, "port", 0)
        if not keeper.trusted.covers(self.address):
            self._end("proxy", "was refused: the listener is for proxies, and it is not of trusted_proxies")
            return
        if refusal := keeper.admission.enter(self):
            self.turn_away(refusal)
            return
        keeper.doors.add(self)
        if keeper.handshake_seconds:
            keeper.keepalive.after(self._too_late, "introduction", keeper.handshake_seconds)

    def dataReceived(self, data: bytes) -> None:
        """Collect the header; what is beyond it is for whom the connection is passed on to."""
        if self._over:
            return
        self._data += data
        if self._heard is not None:
            return
        try:
            self._heard = read(self._data)
        except Mistake:
            self._end("proxy", "sent no PROXY header that can be understood")
            return
        if self._heard is not None:
            self._arrive(self._heard)

    def _arrive(self, heard: Introduction) -> None:
        """Stand in line as the peer."""
        keeper = self._keeper
        keeper.keepalive.clear(self._too_late, "introduction")
        self._data = self._data[heard.size :]
        if heard.address:
            self.address, self._port = heard.address, heard.port
        shared = keeper.trusted.covers(self.address)
        if refusal := keeper.admission.arrive(self, self.address, shared=shared):
            self.turn_away(refusal)
            return
        keeper.let_in()
        if not self._begun:
            self.transport.pauseProducing()
        keeper.make_room()

    def begin(self) -> None:
        """It is the peer's turn: pass the connection on, with what has come of it."""
        self._begun = self._over = True
        transport, data = self.transport, self._data
        secure = self._heard is not None and self._heard.secure
        inner: Any = self._inner.buildProtocol(Visitor(self.address, self._port, secure, self))
        transport.protocol = inner
        inner.makeConnection(transport)
        self._keeper.doors.remove(self)
        if data:
            inner.dataReceived(data)

    def turn_away(self, why: str) -> None:
        """End the connection before its turn; see `Door.turn_away`."""
        self._end("limit", f"was refused: {why}")

    def _too_late(self, _: str) -> None:
        self._end("timeout", "did not send its PROXY header in time")

    def _end(self, reason: str, what: str) -> None:
        self._over = True
        self._keeper.ledger.failed[reason] += 1
        self._keeper.complaints.tell(what, self.address)
        self._keeper.admission.leave(self)
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the peer out."""
        keeper = self._keeper
        if not self._over:
            keeper.ledger.failed["lost"] += 1
        self._over = True
        keeper.keepalive.clear(self._too_late, "introduction")
        keeper.admission.leave(self)
        keeper.let_in()
        keeper.doors.remove(self)


class PorchFactory(ServerFactory):
    """Listens in place of another factory."""

    noisy = False

    def __init__(self, keeper: Doorkeeper, inner: IProtocolFactory) -> None:
        self._keeper = keeper
        self._inner = inner

    def doStart(self) -> None:
        """Start what is behind it."""
        self._inner.doStart()

    def doStop(self) -> None:
        """Stop what is behind it."""
        self._inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Porch:
        """Return a porch for a new connection."""
        return Porch(self._keeper, self._inner)


@define(eq=False)
class Ground(StandIn):
    """Where all that endpoints listen on gets a porch.

    Attributes:
        porch: returns what is to listen in place of a factory.
    """

    porch: Callable[[Any], Any]

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen; TLS, if there is any, comes behind the porch. Raises CannotListenError."""
        return self.reactor.listenTCP(port, self.porch(factory), backlog, interface)

    def listenUNIX(self, address: str, factory: Any, *arguments: Any, **options: Any) -> Any:
        """Listen on a Unix socket."""
        return self.reactor.listenUNIX(address, self.porch(factory), *arguments, **options)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on what somebody else has bound."""
        return self.reactor.adoptStreamPort(fileDescriptor, addressFamily, self.porch(factory))
