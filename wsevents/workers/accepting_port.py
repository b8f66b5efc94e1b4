"""The supervisor's side of a listener: connections are accepted, and given away before a byte was read."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Port

from wsevents.endpoints.check import server_endpoint, within_porch
from wsevents.endpoints.reactor_proxy import ReactorProxy
from wsevents.workers.startup_message import ListenerAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory


class NullFactory(ServerFactory):
    """In place of the factory that only workers have."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return what nobody is inside of."""
        return Protocol()


class AcceptingPort(Port):
    """A port that keeps none of its connections.

    Attributes:
        bare: whether TLS is not for the endpoint to see to.
        away: called with each connection.
    """

    plain = True
    away: Callable[[socket.socket], None]

    def transport(self, connection: socket.socket, *_: Any) -> None:  # type: ignore[override]  # Port: "it can be replaced"
        """Give a connection away; there is no transport."""
        self.away(connection)


@define(eq=False)
class AcceptingPorts(ReactorProxy):
    """All listeners of the supervisor: the ports that Twisted's endpoints make are hatches.

    Attributes:
        away: called with the number of a listener, as in the configuration, and a connection.
        hatches: those that are open.
    """

    away: Callable[[int, socket.socket], None]
    ports: list[AcceptingPort] = field(init=False, factory=list)
    _null_factory: NullFactory = field(init=False, factory=NullFactory)
    _accepting: bool = field(init=False, default=False)

    @property
    def addresses(self) -> tuple[ListenerAddress, ...]:
        """Return where they are, for the workers."""
        return tuple(ListenerAddress(port.getHost(), port.plain) for port in self.ports)

    def accept(self, willing: bool) -> None:
        """Accept connections from now on, or let them wait in the kernel."""
        if willing == self._accepting:
            return
        self._accepting = willing
        for port in self.ports:
            (port.startReading if willing else port.stopReading)()

    def listen(self, endpoint: str, _factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Return the port of an endpoint; see `wsevents.connections.listeners`."""
        # What stands before `haproxy:` connections is for the worker to see to.
        return server_endpoint(self, within_porch(endpoint)).listen(self._null_factory)

    def _opened(self, port: AcceptingPort, factory: Any) -> AcceptingPort:
        number = len(self.ports)
        port.plain = factory is self._null_factory
        port.away = lambda connection: self.away(number, connection)
        port.startListening()
        port.stopReading()
        self.ports.append(port)
        return port

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> AcceptingPort:
        """Listen. Raises CannotListenError."""
        return self._opened(AcceptingPort(port, factory, backlog, interface, self.reactor), factory)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> AcceptingPort:
        """Listen; TLS is for the worker to do. Raises CannotListenError."""
        return self._opened(AcceptingPort(port, NullFactory(), backlog, interface, self.reactor), None)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> AcceptingPort:
        """Listen on what systemd has bound; TLS is for the worker to do. Raises ValueError: a UNIX socket."""
        if addressFamily == socket.AF_UNIX:
            self.listenUNIX()
        adopt = AcceptingPort._fromListeningDescriptor  # noqa: SLF001 the reactor does the same
        port = adopt(self.reactor, fileDescriptor, addressFamily, NullFactory())
        return self._opened(port, factory)

    def listenUNIX(self, *_: Any, **__: Any) -> None:
        """Raise ValueError: connections of UNIX sockets have no address that a worker could tell."""
        raise ValueError("workers share TCP ports only; set `workers` to 1")
