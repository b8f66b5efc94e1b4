"""The gateway as one service: what starts, in which order it stops, and who hears of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.closing import EVENTS_LOST, GOING_AWAY
from wsevents.errors import ConfigurationError
from wsevents.interfaces import IBusListener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort, IProtocolFactory

    from wsevents.authenticators.lookups import Lookups
    from wsevents.door import Doorkeeper
    from wsevents.house import House
    from wsevents.messages import Delivery
    from wsevents.relay import Relay

GOODBYE_SECONDS = 5.0
"""How long stopping waits for peers to answer the close frame."""
ABORT_SECONDS = 1.0
"""How long it waits for connections that were aborted."""
QUIET_SECONDS = 10.0
"""Lost events are logged once in so many seconds at most, with a count."""


@frozen
class Entrance:
    """A Twisted server endpoint string, and what is behind it."""

    endpoint: str
    factory: IProtocolFactory


@implementer(IBusListener)
class Gateway(MultiService):
    """Listens, relays, and stops in order: listeners, then peers, then everything else.

    Args:
        reactor: time and ports.
        entrances: where to listen.
        house, keeper, relay: who is here, and who hears what.
        authorities: told of the bus; what they say anew goes to the sessions.
        announce: called once it listens.

    Attributes:
        ports: what it listens on, once started.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        entrances: Sequence[Entrance],
        house: House,
        keeper: Doorkeeper,
        relay: Relay,
        authorities: Sequence[Lookups],
        announce: Callable[[Gateway], None] = lambda _gateway: None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._entrances = entrances
        self._house = house
        self._keeper = keeper
        self._relay = relay
        self._authorities = authorities
        self._announce = announce
        self._gaps_told, self._told_at = 0, -QUIET_SECONDS
        self.ports: list[IListeningPort] = []
        for authority in authorities:
            authority.watch(self._revised)
            authority.bus_lost()  # until it is up for the first time

    # -- starting and stopping ----------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        try:
            for number, entrance in enumerate(self._entrances):
                self.ports.append(self._listen_on(number, entrance))
        except ConfigurationError as error:
            raise SystemExit(f"wsevents: {error}") from None
        super().privilegedStartService()

    def _listen_on(self, number: int, entrance: Entrance) -> IListeningPort:
        """Return a port that listens."""
        ports: list[Any] = []
        failures: list[Any] = []
        endpoint = serverFromString(self._reactor, entrance.endpoint)
        endpoint.listen(entrance.factory).addCallbacks(ports.append, failures.append)
        if not ports:
            why = failures[0].value if failures else "the endpoint did not say"
            cause = getattr(why, "socketError", None)
            self._stop_listening()
            raise ConfigurationError(
                f"listen[{number}]: cannot listen on {place(entrance.endpoint)}: {cause or why}"
            )
        port: IListeningPort = ports[0]
        self._log.info("listening on {address}", address=_address(port))
        return port

    def _stop_listening(self) -> Deferred[Any]:
        ports, self.ports = self.ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def startService(self) -> None:
        """Start what belongs to it, and say where it is to be found."""
        super().startService()
        self._announce(self)

    def stopService(self) -> Deferred[None]:
        """Stop in order; fires when no connection is left, or none that ends."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._house.stopping = True
        await self._stop_listening()
        try:
            await self._say_goodbye()
        finally:
            await super().stopService()
            self._house.flusher.stop()
            self._relay.sum_up()

    async def _say_goodbye(self) -> None:
        """Hang up on sessions, and abort everything else: handshakes, page requests, who does not answer."""
        roster, doors = self._house.roster, self._keeper.doors
        for door in doors:
            if door.inside not in roster:
                door.abort()
        for peer in roster:
            peer.hang_up(GOING_AWAY)
        for seconds in (GOODBYE_SECONDS, ABORT_SECONDS):
            gone = doors.empty()
            gone.addTimeout(seconds, self._reactor, onTimeoutCancel=_give_up)
            await gone
            for door in doors:
                door.abort()

    # -- the bus ------------------------------------------------------------------------------

    def delivered(self, delivery: Delivery) -> None:
        """Relay it."""
        self._relay.delivered(delivery)

    def events_lost(self, why: str) -> None:
        """Hang up on every peer, once: each has missed something, and can look for it when it is back."""
        peers, tally = list(self._house.roster), self._relay.tally
        tally.gaps += 1
        now = self._house.keepalive.now()
        if now - self._told_at >= QUIET_SECONDS:
            self._log.warn(
                "events were lost, {peers} peers are told: {why} (gaps since last told: {count})",
                peers=len(peers),
                why=why,
                count=tally.gaps - self._gaps_told,
            )
            self._gaps_told, self._told_at = tally.gaps, now
        for peer in peers:
            peer.hang_up(EVENTS_LOST)

    def bus_lost(self, why: str) -> None:
        """Tell every session; each decides what that means for its peer."""
        self._log.warn(
            "the bus is lost, {peers} peers are told: {why}", peers=len(self._house.roster), why=why
        )
        self._house.bus_up = False
        for authority in self._authorities:
            authority.bus_lost()
        for peer in self._house.roster:
            peer.bus_lost()

    def bus_back(self) -> None:
        """Tell every session."""
        self._log.info("the bus is up")
        self._house.bus_up = True
        for authority in self._authorities:
            authority.bus_back()
        for peer in self._house.roster:
            peer.bus_back()

    # -- the authority ------------------------------------------------------------------------

    def _revised(self) -> None:
        for peer in self._house.roster:
            peer.revise()


def _give_up(result: object, timeout: float) -> None:
    """Go on without: `addTimeout` calls this in place of failing."""


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
