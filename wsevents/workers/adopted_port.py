"""A worker's listeners: they serve connections that the supervisor has accepted."""

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
from wsevents.endpoints.check import is_proxied, without_socket
from wsevents.endpoints.reactor_proxy import ReactorProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from wsevents.connections.handshake import HandshakeFactory
    from wsevents.connections.listeners import OpenListener
    from wsevents.workers.startup_message import ListenerAddress

_FAILED = "cannot serve a new connection"
_log = Logger()


class AdoptedConnection(Server):
    """A server connection as Twisted's ports make it, with a callback for its end.

    Attributes:
        on_close: called once, when the connection is closed.
    """

    on_close: Callable[[], None] | None = None
    repstr = "<a connection of a worker>"

    def connectionLost(self, reason: Failure) -> None:
        on_close, self.on_close = self.on_close, None
        try:
            super().connectionLost(reason)
        finally:
            if on_close is not None:
                on_close()


@implementer(IListeningPort)
@define(eq=False)
class AdoptedPort:
    """A port without a socket: it serves the connections that are passed to `adopt`.

    Attributes:
        reactor: the reactor of the connections.
        address: the address on which the supervisor listens.
        factory: makes the protocols, TLS included; a reload of certificates replaces it.
    """

    reactor: Any
    address: ListenerAddress
    factory: Any
    _open: bool = field(init=False, default=True)
    _count: int = field(init=False, default=0)

    def startListening(self) -> None:
        """Do nothing: the supervisor listens."""

    def stopListening(self) -> Deferred[None]:
        """Close each connection that arrives from now on."""
        self._open = False
        return succeed(None)

    def getHost(self) -> Any:
        return self.address.address

    def adopt(self, descriptor: int, on_close: Callable[[], None]) -> None:
        """Serve a connection and own its descriptor; call `on_close` when the connection is closed.

        An exception of the factory or the protocol is logged, as Twisted's own ports do. It closes this
        connection only, and does not break the channel to the supervisor.

        Raises:
            OSError: the peer has already disconnected; `on_close` is not called.
        """
        connection = socket.socket(fileno=descriptor)
        try:
            peer = connection.getpeername()
        except OSError:
            connection.close()
            raise
        protocol = self._protocol(peer)
        if protocol is None:
            connection.close()
            on_close()
            return
        self._count += 1
        transport = AdoptedConnection(connection, protocol, peer, None, self._count, self.reactor)  # type: ignore[arg-type]  # None: as for what Twisted adopts
        transport.on_close = on_close
        try:
            protocol.makeConnection(transport)
        except Exception:  # noqa: BLE001 a protocol may raise anything
            _log.failure(_FAILED)
            transport.abortConnection()

    def _protocol(self, peer: tuple[Any, ...]) -> Any:
        """Return the protocol for a connection from this peer, or None to close the connection."""
        try:
            return self.factory.buildProtocol(_address(peer)) if self._open else None
        except Exception:  # noqa: BLE001 a factory may raise anything
            _log.failure(_FAILED)
            return None


def _address(peer: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    """Convert an address of the socket module to Twisted's form."""
    host, port, *scope = peer
    return IPv6Address("TCP", host, port, *scope) if scope else IPv4Address("TCP", host, port)


@define(eq=False)
class AdoptedPorts(ReactorProxy):
    """All listeners of a worker, in the order of `listen`.

    Twisted parses each endpoint string and adds its TLS, but nothing is bound.

    Attributes:
        addresses: the supervisor's address of each listener.
        ports: the listeners that have been added.
    """

    addresses: Sequence[ListenerAddress]
    ports: list[AdoptedPort] = field(init=False, factory=list)

    def listen(self, endpoint: str, factory: HandshakeFactory) -> Deferred[IListeningPort]:
        """Return the port of the next listener; see `wsevents.connections.listeners`."""
        if self.addresses[len(self.ports)].plain:
            return succeed(self._port(factory.proxied(factory) if is_proxied(endpoint) else factory))
        return listen_with(self)(without_socket(endpoint), factory)

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        """Read keys and certificates again; see `wsevents.connections.listeners`."""
        factories = {
            number: EndpointReader.of(self.reactor, listener)
            for number, listener in enumerate(listeners)
            if not self.addresses[number].plain
        }

        def commit() -> None:
            for number, factory in factories.items():
                self.ports[number].factory = factory

        return commit

    def _port(self, factory: Any) -> AdoptedPort:
        port = AdoptedPort(self.reactor, self.addresses[len(self.ports)], factory)
        self.ports.append(port)
        return port

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> AdoptedPort:
        """Return a port that serves adopted connections with this factory; bind nothing."""
        return self._port(factory)
