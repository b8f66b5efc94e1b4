"""What a process listens on."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.errors import ConfigurationError, StartError, WseventsError
from wsevents.connections.proxied import ProxiedReactor
from wsevents.endpoints.check import check_endpoint, has_porch, server_endpoint, unbound, within_porch
from wsevents.endpoints.reactor_proxy import ReactorProxy
from wsevents.endpoints.strings import apart
from wsevents.system.exit_status import exit_status
from wsevents.system.sockets import MORE_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    Listen = Callable[[str, Any], Deferred[IListeningPort]]

_REMEDIES = {
    errno.EADDRINUSE: "stop who listens there (`ss -ltnp` tells), or choose another port",
    errno.EACCES: "a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address: correct it, or wait for the network",
    socket.EAI_NONAME: "interface= wants an address of this machine",
    errno.EMFILE: MORE_FILES,
}
_log = Logger()


@frozen
class OpenListener:
    """A Twisted server endpoint string, the factory of what is behind it, and the key that has it."""

    endpoint: str
    factory: Any
    key: str


def listen_with(reactor: Any) -> Listen:
    """Return what listens by this reactor: endpoint string and factory to a Deferred port."""

    def listen(endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        ground = ProxiedReactor(reactor, factory.proxied) if has_porch(endpoint) else reactor
        return server_endpoint(ground, within_porch(endpoint)).listen(factory)

    return listen


def check_again(endpoint: str, key: str) -> None:
    """Check an endpoint string that was good: its files may be others now. Raises ConfigurationError."""
    try:
        check_endpoint(endpoint)
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from None


class Listeners(Protocol):
    """How a process listens."""

    def listen(self, endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        """Return the port of an endpoint string."""

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        """Read the keys and certificates of what it listens on again; return what puts them in force.

        Raises:
            ConfigurationError: they cannot be used; everything stays as it is.
        """


@define(eq=False)
class EndpointReader(ReactorProxy):
    """Reads an endpoint string for what it puts around a factory, such as TLS; listens on nothing.

    Attributes:
        around: the factory with what is around it.
    """

    around: Any = None

    @classmethod
    def of(cls, reactor: Any, listener: OpenListener) -> Any:
        """Return the factory of an entrance with what is around it. Raises ConfigurationError."""
        reading = cls(reactor)
        try:
            check_endpoint(listener.endpoint)
            # Twisted closes the descriptor that a string of `systemd:` is about.
            listening = listen_with(reading)(unbound(listener.endpoint), listener.factory)
        except Exception as error:  # noqa: BLE001 a file may go at any moment, and a plug-in raise what it likes
            raise ConfigurationError(f"{listener.key}: {error}") from None
        listening.addErrback(lambda _failure: None)  # nothing is there then
        if reading.around is None:
            raise ConfigurationError(f"{listener.key}: {place(listener.endpoint)} cannot be read again")
        return reading.around

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Take the factory that an endpoint would listen with."""
        self.around = factory
        return self


@implementer(IProtocolFactory)
class SwappableFactory:
    """Between a port and the factory that it listens for; what is around that can be replaced.

    Args:
        around: the factory with what is around it, as from now on for each new connection.
    """

    noisy = False

    def __init__(self, around: Any) -> None:
        self.around = around

    def buildProtocol(self, addr: Any) -> Any:
        """Return what serves a new connection."""
        return self.around.buildProtocol(addr)

    def doStart(self) -> None:
        """Do nothing, as what is behind it."""

    def doStop(self) -> None:
        """Do nothing."""


@define(eq=False)
class ReloadableListeners(ReactorProxy):
    """All ports of a process that listens itself."""

    _factories: dict[int, SwappableFactory] = field(init=False, factory=dict)
    _number: int = field(init=False, default=-1)

    def listen(self, endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        """Return the port of an endpoint string; see `Listeners`."""
        self._number += 1
        return listen_with(self)(endpoint, factory)

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        """Read certificates again; see `Listeners`."""
        read = {number: EndpointReader.of(self.reactor, listeners[number]) for number in self._factories}

        def commit() -> None:
            for number, around in read.items():
                self._factories[number].around = around

        return commit

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen. Raises CannotListenError."""
        swappable = self._factories[self._number] = SwappableFactory(factory)
        return self.reactor.listenTCP(port, swappable, backlog, interface)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on what systemd has bound."""
        swappable = self._factories[self._number] = SwappableFactory(factory)
        return self.reactor.adoptStreamPort(fileDescriptor, addressFamily, swappable)


@define(eq=False)
class Ports:
    """The ports of one process: all of them, or none.

    Attributes:
        listen: how a port is made.
        said: to the log, of each; how a line begins that ends with the address.
        opened: what it listens on now.
    """

    listen: Listen
    said: str = "listening on"
    opened: list[IListeningPort] = field(init=False, factory=list)

    def open(self, listeners: Sequence[OpenListener]) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        try:
            for listener in listeners:
                self.opened.append(self._port(listener))
        except WseventsError as error:
            self.close()
            raise exit_status(error) from None

    def _port(self, listener: OpenListener) -> IListeningPort:
        """Return a port that listens."""
        ports: list[Any] = []
        failures: list[Any] = []
        maybeDeferred(self.listen, listener.endpoint, listener.factory).addCallbacks(
            ports.append, failures.append
        )
        if not ports:
            raise _problem(
                f"{listener.key}: cannot listen on {place(listener.endpoint)}",
                failures[0].value if failures else "the endpoint did not say why",
            )
        port: IListeningPort = ports[0]
        _log.info("{said} {address}", said=self.said, address=_address(port))
        return port

    def close(self) -> Deferred[Any]:
        """Stop listening; fires when it has."""
        ports, self.opened = self.opened, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])


def _problem(what: str, why: Any) -> WseventsError:
    """Return what to tell of a port that could not be had; the system may have it another time."""
    cause = getattr(why, "socketError", None)
    if cause is None:
        return ConfigurationError(f"{what}: {why}")
    remedy = _REMEDIES.get(cause.errno)
    return StartError(f"{what}: {cause.strerror or cause}" + (f"; {remedy}" if remedy else ""))


def _address(port: IListeningPort) -> str:
    """Return where a port listens, as in a URL."""
    here: Any = port.getHost()
    if isinstance(here, UNIXAddress) and here.name:
        return f"unix:{os.fsdecode(here.name)}"
    host = getattr(here, "host", None)
    if host is None:
        return str(here)
    return f"[{host}]:{here.port}" if ":" in host else f"{host}:{here.port}"


def place(string: str) -> str:
    """Return an endpoint string without its files: enough to find the line."""
    return apart(string)[0]
