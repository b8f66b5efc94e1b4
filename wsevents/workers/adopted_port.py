"""A worker's side of a listener: connections come from the supervisor, which has accepted them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.tcp import Server
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.connections.listeners import EndpointReader, listen_with
from wsevents.endpoints.check import has_porch, unbound
from wsevents.endpoints.reactor_proxy import ReactorProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from wsevents.connections.handshake import HandshakeFactory
    from wsevents.connections.listeners import OpenListener
    from wsevents.workers.startup_message import ListenerAddress

_MISTAKE = "a connection could not be taken in"
_log = Logger()


class AdoptedConnection(Server):
    """A connection as Twisted's own ports make it, but for who is told of its end.

    Attributes:
        left: called once when it is over.
    """

    left: Callable[[], None] | None = None
    repstr = "<a connection of a worker>"

    def connectionLost(self, reason: Failure) -> None:
        """Tell that it is over."""
        left, self.left = self.left, None
        try:
            super().connectionLost(reason)
        finally:
            if left is not None:
                left()


@implementer(IListeningPort)
@define(eq=False)
class AdoptedPort:
    """What connections go to once they are here; in place of a port.

    Attributes:
        reactor: of the connections.
        place: where the supervisor listens.
        factory: makes their protocols, TLS included; may be replaced.
    """

    reactor: Any
    address: ListenerAddress
    factory: Any
    _open: bool = field(init=False, default=True)
    _count: int = field(init=False, default=0)

    def startListening(self) -> None:
        """Do nothing: it does from the start."""

    def stopListening(self) -> Deferred[None]:
        """Turn away who comes from now on."""
        self._open = False
        return succeed(None)

    def getHost(self) -> Any:
        """Return the address of the listener."""
        return self.address.address

    def take(self, descriptor: int, left: Callable[[], None]) -> None:
        """Serve a connection; `left` is called when it is over. Raises OSError: it is already.

        A mistake on the way is logged, as Twisted's own ports do: it costs this connection, and not the
        worker the channel that it came by.
        """
        connection = socket.socket(fileno=descriptor)
        try:
            there = connection.getpeername()
        except OSError:
            connection.close()
            raise
        protocol = self._protocol(there)
        if protocol is None:
            connection.close()
            left()
            return
        self._count += 1
        arrival = AdoptedConnection(connection, protocol, there, None, self._count, self.reactor)  # type: ignore[arg-type]  # None: as for what Twisted adopts
        arrival.left = left
        try:
            protocol.makeConnection(arrival)
        except Exception:  # noqa: BLE001 whatever it is
            _log.failure(_MISTAKE)
            arrival.abortConnection()

    def _protocol(self, there: tuple[Any, ...]) -> Any:
        """Return what is to serve a connection from there; None: nothing."""
        try:
            return self.factory.buildProtocol(_address(there)) if self._open else None
        except Exception:  # noqa: BLE001 whatever it is
            _log.failure(_MISTAKE)
            return None


def _address(there: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    """Return an address as Twisted has it."""
    host, port, *scope = there
    return IPv6Address("TCP", host, port, *scope) if scope else IPv4Address("TCP", host, port)


@define(eq=False)
class AdoptedPorts(ReactorProxy):
    """All listeners of a worker, in the order of the configuration.

    An endpoint string is read by Twisted, with all that it says of TLS, and nothing is bound.

    Attributes:
        places: one for each listener.
    """

    addresses: Sequence[ListenerAddress]
    ports: list[AdoptedPort] = field(init=False, factory=list)

    def listen(self, endpoint: str, factory: HandshakeFactory) -> Deferred[IListeningPort]:
        """Return the port of the next listener; see `wsevents.connections.listeners`."""
        if self.addresses[len(self.ports)].plain:
            return succeed(self._port(factory.proxied(factory) if has_porch(endpoint) else factory))
        return listen_with(self)(unbound(endpoint), factory)

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        """Read certificates again; see `wsevents.connections.listeners`."""
        read = {
            number: EndpointReader.of(self.reactor, listener)
            for number, listener in enumerate(listeners)
            if not self.addresses[number].plain
        }

        def commit() -> None:
            for number, around in read.items():
                self.ports[number].factory = around

        return commit

    def _port(self, factory: Any) -> AdoptedPort:
        port = AdoptedPort(self.reactor, self.addresses[len(self.ports)], factory)
        self.ports.append(port)
        return port

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> AdoptedPort:
        """Take the factory that an endpoint would listen with."""
        return self._port(factory)
