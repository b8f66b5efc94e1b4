"""The gateway as one service: what starts, in which order it stops, and who hears of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.closing import GOING_AWAY
from wsevents.errors import ConfigurationError
from wsevents.interfaces import IBusListener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort, IProtocolFactory

    from wsevents.authenticators.lookups import Lookups
    from wsevents.messages import Delivery
    from wsevents.relay import Relay
    from wsevents.server import House

GOODBYE_SECONDS = 5.0
"""How long stopping waits for peers to answer the close frame."""


@implementer(IBusListener)
class Gateway(MultiService):
    """Listens, relays, and stops in order: listeners, then peers, then everything else.

    Attributes:
        ports: what it listens on, once started.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        listen: Sequence[str],
        factory: IProtocolFactory,
        house: House,
        relay: Relay,
        lookups: Lookups,
        announce: Callable[[Gateway], None] = lambda _gateway: None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._listen = listen
        self._factory = factory
        self._house = house
        self._relay = relay
        self._lookups = lookups
        self._announce = announce
        self.ports: list[IListeningPort] = []
        lookups.watch(self._revised)
        lookups.bus_lost()  # until it is up for the first time

    # -- starting and stopping ----------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        try:
            for number, string in enumerate(self._listen):
                self.ports.append(self._listen_on(number, string))
        except ConfigurationError as error:
            raise SystemExit(f"wsevents: {error}") from None
        super().privilegedStartService()

    def _listen_on(self, number: int, string: str) -> IListeningPort:
        """Return a port that listens."""
        ports: list[Any] = []
        failures: list[Any] = []
        endpoint = serverFromString(self._reactor, string)
        endpoint.listen(self._factory).addCallbacks(ports.append, failures.append)
        if not ports:
            why = failures[0].value if failures else "the endpoint did not say"
            cause = getattr(why, "socketError", None)
            self._stop_listening()
            raise ConfigurationError(f"listen[{number}]: cannot listen on {_place(string)}: {cause or why}")
        port: IListeningPort = ports[0]
        self._log.info("listening on {place}", place=_address(port))
        return port

    def _stop_listening(self) -> Deferred[Any]:
        ports, self.ports = self.ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def startService(self) -> None:
        """Start what belongs to it, and say where it is to be found."""
        super().startService()
        self._announce(self)

    def stopService(self) -> Deferred[None]:
        """Stop in order; fires when nothing is left."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        house = self._house
        house.stopping = True
        await self._stop_listening()
        for peer in house.roster:
            peer.hang_up(GOING_AWAY)
        gone = house.roster.empty()
        gone.addTimeout(GOODBYE_SECONDS, self._reactor, onTimeoutCancel=_give_up)
        await gone
        for peer in house.roster:
            peer.abort()
        await super().stopService()
        house.flusher.stop()

    # -- the bus ------------------------------------------------------------------------------

    def delivered(self, delivery: Delivery) -> None:
        """Relay it."""
        self._relay.delivered(delivery)

    def bus_lost(self, why: str) -> None:
        """Tell every session; each decides what that means for its peer."""
        self._log.warn(
            "the bus is lost, {peers} peers are told: {why}", peers=len(self._house.roster), why=why
        )
        self._house.bus_up = False
        self._lookups.bus_lost()
        for peer in self._house.roster:
            peer.bus_lost()

    def bus_back(self) -> None:
        """Tell every session."""
        self._log.info("the bus is up")
        self._house.bus_up = True
        self._lookups.bus_back()
        for peer in self._house.roster:
            peer.bus_back()

    # -- the authority ------------------------------------------------------------------------

    def _revised(self) -> None:
        for peer in self._house.roster:
            peer.revise()


def _give_up(result: object, timeout: float) -> None:
    """Peers that do not answer are aborted."""


def _address(port: IListeningPort) -> str:
    """Return where a port listens, as in a URL."""
    here: Any = port.getHost()
    host = getattr(here, "host", None)
    if host is None:
        return str(here)
    return f"[{host}]:{here.port}" if ":" in host else f"{host}:{here.port}"


def _place(string: str) -> str:
    """Return an endpoint without its files: enough to find the line."""
    return ":".join(
        part for part in string.split(":") if not part.startswith(("privateKey", "certKey", "extraCert"))
    )
