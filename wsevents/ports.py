"""What a process listens on."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from wsevents.ending import ending
from wsevents.endpoints import has_porch, server_endpoint, within_porch
from wsevents.errors import ConfigurationError, StartError, WseventsError
from wsevents.kernel import MORE_FILES
from wsevents.porch import Ground

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    Listen = Callable[[str, Any], Deferred[IListeningPort]]

_REMEDIES = {
    errno.EADDRINUSE: "stop who listens there (`ss -ltnp` tells), or choose another port",
    errno.EACCES: "a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address: correct it, or wait for the network",
    errno.EMFILE: MORE_FILES,
}
_log = Logger()


@frozen
class Entrance:
    """A Twisted server endpoint string, the factory of what is behind it, and the key that has it."""

    endpoint: str
    factory: Any
    key: str


def listener(reactor: Any) -> Listen:
    """Return what listens by this reactor: endpoint string and factory to a Deferred port."""

    def listen(endpoint: str, factory: Any) -> Deferred[IListeningPort]:
        ground = Ground(reactor, factory.porch) if has_porch(endpoint) else reactor
        return server_endpoint(ground, within_porch(endpoint)).listen(factory)

    return listen


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

    def open(self, entrances: Sequence[Entrance]) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        try:
            for entrance in entrances:
                self.opened.append(self._port(entrance))
        except WseventsError as error:
            self.close()
            raise ending(error) from None

    def _port(self, entrance: Entrance) -> IListeningPort:
        """Return a port that listens."""
        ports: list[Any] = []
        failures: list[Any] = []
        maybeDeferred(self.listen, entrance.endpoint, entrance.factory).addCallbacks(
            ports.append, failures.append
        )
        if not ports:
            raise _mistake(
                f"{entrance.key}: cannot listen on {place(entrance.endpoint)}",
                failures[0].value if failures else "the endpoint did not say why",
            )
        port: IListeningPort = ports[0]
        _log.info("{said} {address}", said=self.said, address=_address(port))
        return port

    def close(self) -> Deferred[Any]:
        """Stop listening; fires when it has."""
        ports, self.opened = self.opened, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])


def _mistake(what: str, why: Any) -> WseventsError:
    """Return what to tell of a port that could not be had; the system may have it another time."""
    cause = getattr(why, "socketError", None)
    if cause is None:
        return ConfigurationError(f"{what}: {why}")
    remedy = _REMEDIES.get(cause.errno)
    return StartError(f"{what}: {cause.strerror or cause}" + (f"; {remedy}" if remedy else ""))


def _address(port: IListeningPort) -> str:
    """Return where a port listens, as in a URL."""
    here: Any = port.getHost()
    host = getattr(here, "host", None)
    if host is None:
        return str(here)
    return f"[{host}]:{here.port}" if ":" in host else f"{host}:{here.port}"


def place(string: str) -> str:
    """Return an endpoint string without its files: enough to find the line."""
    return ":".join(
        part for part in string.split(":") if not part.startswith(("privateKey", "certKey", "extraCert"))
    )
