"""Listeners: from endpoint strings to listening ports whose certificates can be reloaded."""

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
from wsevents.endpoints.check import (
    check_endpoint,
    is_proxied,
    server_endpoint,
    without_proxy_prefix,
    without_socket,
)
from wsevents.endpoints.reactor_proxy import ReactorProxy
from wsevents.endpoints.strings import split_tls_files
from wsevents.system.exit_status import exit_status
from wsevents.system.sockets import MORE_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    Listen = Callable[[str, Any], Deferred[IListeningPort]]

_REMEDIES = {
    errno.EADDRINUSE: "stop the program that listens there (`ss -ltnp` shows it), or choose another port",
    errno.EACCES: "a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address: correct it, or start later",
    socket.EAI_NONAME: "set interface= to an address of this machine",
    errno.EMFILE: MORE_FILES,
}
_log = Logger()


@frozen
class OpenListener:
    """A Twisted server endpoint string, the factory that serves it, and its configuration key."""

    endpoint: str
    factory: Any
    key: str


def listen_with(reactor: Any) -> Listen:
    """Return a function that listens with this reactor: (endpoint string, factory) to a Deferred port."""

    def listen(endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        listening_reactor = ProxiedReactor(reactor, factory.proxied) if is_proxied(endpoint) else reactor
        return server_endpoint(listening_reactor, without_proxy_prefix(endpoint)).listen(factory)

    return listen


def recheck_endpoint(endpoint: str, key: str) -> None:
    """Check an endpoint string again: its files may have changed. Raises ConfigurationError."""
    try:
        check_endpoint(endpoint)
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from None


class Listeners(Protocol):
    """How a process listens."""

    def listen(self, endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        """Listen on an endpoint string."""

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        """Read keys and certificates again; return a function that applies them.

        Raises:
            ConfigurationError: they are unusable; nothing has changed.
        """


@define(eq=False)
class EndpointReader(ReactorProxy):
    """Finds out how an endpoint string wraps a factory, for example in TLS. It opens no port.

    Attributes:
        wrapped: the factory as the endpoint would listen with it.
    """

    wrapped: Any = None

    @classmethod
    def of(cls, reactor: Any, listener: OpenListener) -> Any:
        """Return a listener's factory, wrapped as its endpoint says. Raises ConfigurationError."""
        reader = cls(reactor)
        try:
            check_endpoint(listener.endpoint)
            # For `systemd:` Twisted would close the inherited descriptor; `without_socket` prevents that.
            listening = listen_with(reader)(without_socket(listener.endpoint), listener.factory)
        except Exception as error:  # noqa: BLE001 a file may disappear, and a plug-in may raise anything
            raise ConfigurationError(f"{listener.key}: {error}") from None
        listening.addErrback(lambda _failure: None)  # `wrapped` is None then
        if reader.wrapped is None:
            raise ConfigurationError(f"{listener.key}: {without_files(listener.endpoint)} is unusable")
        return reader.wrapped

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Record the wrapped factory instead of listening."""
        self.wrapped = factory
        return self


@implementer(IProtocolFactory)
class SwappableFactory:
    """The factory of a port, which delegates to a factory that can be replaced.

    Args:
        wrapped: the factory for new connections, with its TLS; assign another to replace it.
    """

    noisy = False

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def buildProtocol(self, addr: Any) -> Any:
        return self.wrapped.buildProtocol(addr)

    def doStart(self) -> None:
        pass

    def doStop(self) -> None:
        pass


@define(eq=False)
class ReloadableListeners(ReactorProxy):
    """The ports of a process that opens them itself. Their certificates can be reloaded."""

    _factories: dict[int, SwappableFactory] = field(init=False, factory=dict)
    _number: int = field(init=False, default=-1)

    def listen(self, endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        self._number += 1
        return listen_with(self)(endpoint, factory)

    def prepare(self, listeners: Sequence[OpenListener]) -> Callable[[], None]:
        read = {number: EndpointReader.of(self.reactor, listeners[number]) for number in self._factories}

        def commit() -> None:
            for number, wrapped in read.items():
                self._factories[number].wrapped = wrapped

        return commit

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen on TCP. Raises CannotListenError."""
        swappable = self._factories[self._number] = SwappableFactory(factory)
        return self.reactor.listenTCP(port, swappable, backlog, interface)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on a socket that systemd has bound."""
        swappable = self._factories[self._number] = SwappableFactory(factory)
        return self.reactor.adoptStreamPort(fileDescriptor, addressFamily, swappable)


@define(eq=False)
class Ports:
    """The ports of one process. Either all of them open, or none.

    Attributes:
        listen: opens a port.
        log_prefix: how the log line of each port begins; it ends with the address.
        opened: the open ports.
    """

    listen: Listen
    log_prefix: str = "listening on"
    opened: list[IListeningPort] = field(init=False, factory=list)

    def open(self, listeners: Sequence[OpenListener]) -> None:
        """Open all ports, before the process drops its privileges.

        Raises:
            SystemExit: a port cannot be opened; a gateway that does not listen must not seem to run.
        """
        try:
            for listener in listeners:
                self.opened.append(self._port(listener))
        except WseventsError as error:
            self.close()
            raise exit_status(error) from None

    def _port(self, listener: OpenListener) -> IListeningPort:
        ports: list[Any] = []
        failures: list[Any] = []
        maybeDeferred(self.listen, listener.endpoint, listener.factory).addCallbacks(
            ports.append, failures.append
        )
        if not ports:
            raise _listen_error(
                f"{listener.key}: cannot listen on {without_files(listener.endpoint)}",
                failures[0].value if failures else "the endpoint gave no reason",
            )
        port: IListeningPort = ports[0]
        _log.info("{said} {address}", said=self.log_prefix, address=_address(port))
        return port

    def close(self) -> Deferred[Any]:
        """Close all ports; fires when they are closed."""
        ports, self.opened = self.opened, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])


def _listen_error(what: str, why: Any) -> WseventsError:
    """Return the error for a port that cannot be opened; a StartError if a later start may succeed."""
    cause = getattr(why, "socketError", None)
    if cause is None:
        return ConfigurationError(f"{what}: {why}")
    remedy = _REMEDIES.get(cause.errno)
    return StartError(f"{what}: {cause.strerror or cause}" + (f"; {remedy}" if remedy else ""))


def _address(port: IListeningPort) -> str:
    """Return the address of a port as a URL has it."""
    host_address: Any = port.getHost()
    if isinstance(host_address, UNIXAddress) and host_address.name:
        return f"unix:{os.fsdecode(host_address.name)}"
    host = getattr(host_address, "host", None)
    if host is None:
        return str(host_address)
    return f"[{host}]:{host_address.port}" if ":" in host else f"{host}:{host_address.port}"


def without_files(string: str) -> str:
    """Return an endpoint string without its files, short enough for a log line."""
    return split_tls_files(string)[0]
