"""The supervisor's side of a listener: connections are accepted, and given away before a byte was read."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Port

from wsevents.endpoints import server_endpoint, within_porch
from wsevents.entrance.standin import StandIn
from wsevents.workers.brief import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory


class Lobby(ServerFactory):
    """In place of the factory that only workers have."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return what nobody is inside of."""
        return Protocol()


class Hatch(Port):
    """A port that keeps none of its connections.

    Attributes:
        bare: whether TLS is not for the endpoint to see to.
        away: called with each connection.
    """

    bare = True
    away: Callable[[socket.socket], None]

    def transport(self, connection: socket.socket, *_: Any) -> None:  # type: ignore[override]  # Port: "it can be replaced"
        """Give a connection away; there is no transport."""
        self.away(connection)


@define(eq=False)
class Hatches(StandIn):
    """All listeners of the supervisor: the ports that Twisted's endpoints make are hatches.

    Attributes:
        away: called with the number of a listener, as in the configuration, and a connection.
        hatches: those that are open.
    """

    away: Callable[[int, socket.socket], None]
    hatches: list[Hatch] = field(init=False, factory=list)
    _lobby: Lobby = field(init=False, factory=Lobby)
    _accepting: bool = field(init=False, default=False)

    @property
    def places(self) -> tuple[Place, ...]:
        """Return where they are, for the workers."""
        return tuple(Place(hatch.getHost(), hatch.bare) for hatch in self.hatches)

    def accept(self, willing: bool) -> None:
        """Accept connections from now on, or let them wait in the kernel."""
        if willing == self._accepting:
            return
        self._accepting = willing
        for hatch in self.hatches:
            (hatch.startReading if willing else hatch.stopReading)()

    def listen(self, endpoint: str, _factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Return the port of an endpoint; see `wsevents.entrance.ports`."""
        # What stands before `haproxy:` connections is for the worker to see to.
        return server_endpoint(self, within_porch(endpoint)).listen(self._lobby)

    def _opened(self, hatch: Hatch, factory: Any) -> Hatch:
        number = len(self.hatches)
        hatch.bare = factory is self._lobby
        hatch.away = lambda connection: self.away(number, connection)
        hatch.startListening()
        hatch.stopReading()
        self.hatches.append(hatch)
        return hatch

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Hatch:
        """Listen. Raises CannotListenError."""
        return self._opened(Hatch(port, factory, backlog, interface, self.reactor), factory)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Hatch:
        """Listen; TLS is for the worker to do. Raises CannotListenError."""
        return self._opened(Hatch(port, Lobby(), backlog, interface, self.reactor), None)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Hatch:
        """Listen on what systemd has bound; TLS is for the worker to do. Raises ValueError: a UNIX socket."""
        if addressFamily == socket.AF_UNIX:
            self.listenUNIX()
        hatch = Hatch._fromListeningDescriptor(self.reactor, fileDescriptor, addressFamily, Lobby())  # noqa: SLF001 as the reactor does it
        return self._opened(hatch, factory)

    def listenUNIX(self, *_: Any, **__: Any) -> None:
        """Raise ValueError: connections of UNIX sockets have no address that a worker could tell."""
        raise ValueError("workers share TCP ports only; set `workers` to 1")
