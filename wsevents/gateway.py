"""The gateway as one service: what starts, in which order it stops, and who hears of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.closing import EVENTS_LOST, GOING_AWAY
from wsevents.entrance.ports import Casings, Ports
from wsevents.interfaces import IBusListener
from wsevents.kernel import raise_open_files
from wsevents.lifecycle.condition import Condition
from wsevents.lifecycle.drain import farewells
from wsevents.lifecycle.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    from wsevents.authenticators.lookups import Lookups
    from wsevents.entrance.door import Doorkeeper
    from wsevents.entrance.ports import Entrance, Listen
    from wsevents.house import House
    from wsevents.messages import Delivery
    from wsevents.relay import Relay

GOODBYE_SECONDS = 5.0
"""How long stopping waits for peers to answer the close frame."""
HURRY_SECONDS = 0.5
"""The same, once it is to stop at once."""
STEP_SECONDS = 0.05
"""Peers whose turns to go are closer together than this go together."""
STOP_SECONDS = 15.0
"""How long stopping may take, beside the time over which peers are told to go."""
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
        self._ports = Ports(listen or Casings(reactor).listen)
        self._watch = watch
        self._patience = Patience(reactor)
        self._tried, self._why_down = False, "it was not tried yet"
        for authority in authorities:
            authority.watch(self._revised)
            authority.bus_lost()  # until it is up for the first time

    @property
    def ports(self) -> list[IListeningPort]:
        """What it listens on, once started."""
        return self._ports.opened

    def condition(self) -> Condition:
        """Return how it is."""
        return Condition(len(self._house.roster), self._tried, self._why_down)

    def well(self) -> bool:
        """Say that it is as alive as the reactor that calls."""
        return True

    @property
    def stop_seconds(self) -> float:
        """Seconds that stopping in order may take, with what the bus and others need."""
        return self._house.drain.seconds + STOP_SECONDS

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
            self._end_handshakes()
            await self._drain(self._reactor.seconds() + self._house.drain.seconds)
        finally:
            await super().stopService()
            self._house.flusher.stop()
            self._relay.sum_up()

    def hurry(self) -> None:
        """If it is stopping, do so at once: tell all who are left to go, and hardly wait for them."""
        self._patience.hurry()

    def _end_handshakes(self) -> None:
        """Abort whoever is no peer: handshakes under way, and page requests."""
        for door in self._keeper.doors:
            if door.inside not in self._house.roster:
                door.abort()

    async def _drain(self, end: float) -> None:
        """Hang up on one peer after the other until that time, and see them off.

        What waits in a queue goes first, and has until then.
        """
        roster, seconds, clock = self._house.roster, self._house.drain.seconds, self._reactor.seconds
        if seconds and len(roster):
            self._log.info(
                "stopping: {peers} peers are told to go within {seconds:g} s",
                peers=len(roster),
                seconds=seconds,
            )
        for due, peer in farewells(roster, seconds, self._house.entropy):
            early = end - seconds + due - clock()
            if early > 0 and len(roster) and not self._patience.hurried:
                await self._patience.wait(roster.empty(), max(early, STEP_SECONDS))
            peer.hang_up(GOING_AWAY, patience=end - clock())
        await self._see_off(max(GOODBYE_SECONDS, end - clock()))

    async def _see_off(self, longest: float) -> None:
        """Wait until all have gone, and abort those who do not answer."""
        doors = self._keeper.doors
        for seconds in (longest, ABORT_SECONDS):
            await self._patience.wait(doors.empty(), seconds, HURRY_SECONDS)
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
        self._tried, self._why_down = True, why
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
        self._tried, self._why_down = True, ""
        self._watch(True)
        for authority in self._authorities:
            authority.bus_back()
        for peer in self._house.roster:
            peer.bus_back()

    def bus_failed(self, why: str) -> None:
        """Remember why; no session has heard that it was up."""
        self._tried, self._why_down = True, why

    # -- the authority ------------------------------------------------------------------------

    def _revised(self) -> None:
        for peer in self._house.roster:
            peer.revise()
