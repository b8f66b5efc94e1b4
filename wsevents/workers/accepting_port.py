"""The supervisor's listeners: they accept connections and hand over the sockets without reading from them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Port

from wsevents.endpoints.check import server_endpoint, without_proxy_prefix
from wsevents.endpoints.reactor_proxy import ReactorProxy
from wsevents.workers.startup_message import ListenerAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory


class NullFactory(ServerFactory):
    """A factory that fills the place of the real one, which only the workers have."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return Protocol()


class AcceptingPort(Port):
    """A listening port that passes each accepted socket to a callback.

    Attributes:
        plain: True if the endpoint adds nothing, such as TLS, around the factory.
        on_accept: called with each accepted socket, which the callee then owns.
    """

    plain = True
    on_accept: Callable[[socket.socket], None]

    def transport(self, connection: socket.socket, *_: Any) -> None:  # type: ignore[override]  # Port: "it can be replaced"
        """Pass the socket to `on_accept`. Port calls this to make a transport; None means no transport."""
        self.on_accept(connection)


@define(eq=False)
class AcceptingPorts(ReactorProxy):
    """All listeners of the supervisor. Twisted's endpoints make `AcceptingPort` objects through this proxy.

    Attributes:
        on_accept: called with the listener's index in `listen` and an accepted socket.
        ports: the open ports, in the order of `listen`.
    """

    on_accept: Callable[[int, socket.socket], None]
    ports: list[AcceptingPort] = field(init=False, factory=list)
    _null_factory: NullFactory = field(init=False, factory=NullFactory)
    _accepting: bool = field(init=False, default=False)

    @property
    def addresses(self) -> tuple[ListenerAddress, ...]:
        """Return the address of each listener, for the startup message of the workers."""
        return tuple(ListenerAddress(port.getHost(), port.plain) for port in self.ports)

    def accept(self, enabled: bool) -> None:
        """Accept connections, or leave them in the kernel's backlog."""
        if enabled == self._accepting:
            return
        self._accepting = enabled
        for port in self.ports:
            (port.startReading if enabled else port.stopReading)()

    def listen(self, endpoint: str, _factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Return the port of an endpoint string; see `wsevents.connections.listeners`."""
        # The worker reads the PROXY header of a `haproxy:` connection.
        return server_endpoint(self, without_proxy_prefix(endpoint)).listen(self._null_factory)

    def _add(self, port: AcceptingPort, factory: Any) -> AcceptingPort:
        number = len(self.ports)
        port.plain = factory is self._null_factory
        port.on_accept = lambda connection: self.on_accept(number, connection)
        port.startListening()
        port.stopReading()
        self.ports.append(port)
        return port

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> AcceptingPort:
        """Listen on a TCP port. Raises CannotListenError."""
        return self._add(AcceptingPort(port, factory, backlog, interface, self.reactor), factory)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> AcceptingPort:
        """Listen on a TCP port; the worker does TLS. Raises CannotListenError."""
        return self._add(AcceptingPort(port, NullFactory(), backlog, interface, self.reactor), None)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> AcceptingPort:
        """Listen on a socket from systemd; the worker does TLS. Raises ValueError for a UNIX socket."""
        if addressFamily == socket.AF_UNIX:
            self.listenUNIX()
        adopt = AcceptingPort._fromListeningDescriptor  # noqa: SLF001 the reactor does the same
        port = adopt(self.reactor, fileDescriptor, addressFamily, NullFactory())
        return self._add(port, factory)

    def listenUNIX(self, *_: Any, **__: Any) -> None:
        """Raise ValueError: a worker cannot get the peer address of a UNIX socket's connection."""
        raise ValueError("workers share TCP ports only; set `workers` to 1")
