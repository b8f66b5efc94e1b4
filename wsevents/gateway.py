"""The gateway as one service: what starts, in which order it stops, and who hears of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.closing import EVENTS_LOST, GOING_AWAY
from wsevents.interfaces import IBusListener
from wsevents.kernel import raise_open_files
from wsevents.ports import Ports, listener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    from wsevents.authenticators.lookups import Lookups
    from wsevents.door import Doorkeeper
    from wsevents.house import House
    from wsevents.messages import Delivery
    from wsevents.ports import Entrance, Listen
    from wsevents.relay import Relay

GOODBYE_SECONDS = 5.0
"""How long stopping waits for peers to answer the close frame."""
ABORT_SECONDS = 1.0
"""How long it waits for connections that were aborted."""
QUIET_SECONDS = 10.0
"""Lost events are logged once in so many seconds at most, with a count."""


@implementer(IBusListener)
class Gateway(MultiService):
    """Listens, relays, and stops in order: listeners, then peers, then everything else.

    Args:
        reactor: time and ports.
        entrances: where to listen.
        house, keeper, relay: who is here, and who hears what.
        authorities: told of the bus; what they say anew goes to the sessions.
        announce: called once it listens.
        listen: how it listens; None: by the reactor.
        watch: told when the bus is up and when it is lost.
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
        listen: Listen | None = None,
        watch: Callable[[bool], None] = lambda _up: None,
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
        self._ports = Ports(listen or listener(reactor))
        self._watch = watch
        for authority in authorities:
            authority.watch(self._revised)
            authority.bus_lost()  # until it is up for the first time

    @property
    def ports(self) -> list[IListeningPort]:
        """What it listens on, once started."""
        return self._ports.opened

    # -- starting and stopping ----------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        self._ports.open(self._entrances)
        files = raise_open_files()
        self._log.info("up to {files} open files, one for each connection", files=files)
        super().privilegedStartService()

    def startService(self) -> None:
        """Start what belongs to it, and say where it is to be found."""
        super().startService()
        self._announce(self)

    def stopService(self) -> Deferred[None]:
        """Stop in order; fires when no connection is left, or none that ends."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._house.stopping = True
        await self._ports.close()
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
        """Relay it; what it takes until the kernel has it is measured if anybody wants it."""
        tally = self._relay.tally
        before = tally.delivered
        self._relay.delivered(delivery)
        if tally.delivered != before:
            self._house.flusher.carry(delivery.received)

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
        self._relay.tally.losses += 1
        self._watch(False)
        for authority in self._authorities:
            authority.bus_lost()
        for peer in self._house.roster:
            peer.bus_lost()

    def bus_back(self) -> None:
        """Tell every session."""
        self._log.info("the bus is up")
        self._house.bus_up = True
        self._watch(True)
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
