"""The gateway as one service: what starts, in which order it stops, and who hears of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.close_reasons import EVENTS_LOST, GOING_AWAY
from wsevents.api.interfaces import IBusListener
from wsevents.app.drain import close_times
from wsevents.app.health import Health
from wsevents.app.shutdown_wait import ShutdownWait
from wsevents.connections.listeners import Ports, ReloadableListeners
from wsevents.system.sockets import raise_open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IListeningPort

    from wsevents.api.events import Delivery
    from wsevents.auth.lookup_cache import LookupCache
    from wsevents.connections.gateway_state import GatewayState
    from wsevents.connections.handshake import HandshakePolicy
    from wsevents.connections.listeners import Listen, OpenListener
    from wsevents.delivery.relay import Relay

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
        listeners: Sequence[OpenListener],
        gateway_state: GatewayState,
        policy: HandshakePolicy,
        relay: Relay,
        authorities: Sequence[LookupCache],
        announce: Callable[[Gateway], None] = lambda _gateway: None,
        listen: Listen | None = None,
        watch: Callable[[bool], None] = lambda _up: None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._listeners = listeners
        self._gateway_state = gateway_state
        self._policy = policy
        self._relay = relay
        self._authorities = authorities
        self._announce = announce
        self._gaps_told, self._told_at = 0, -QUIET_SECONDS
        self._ports = Ports(listen or ReloadableListeners(reactor).listen)
        self._watch = watch
        self._shutdown_wait = ShutdownWait(reactor)
        self._tried, self._why_down = False, "it was not tried yet"
        for authority in authorities:
            authority.watch(self._revised)
            authority.bus_lost()  # until it is up for the first time

    @property
    def ports(self) -> list[IListeningPort]:
        """What it listens on, once started."""
        return self._ports.opened

    def health(self) -> Health:
        """Return how it is."""
        return Health(len(self._gateway_state.registry), self._tried, self._why_down)

    def responsive(self) -> bool:
        """Say that it is as alive as the reactor that calls."""
        return True

    @property
    def stop_seconds(self) -> float:
        """Seconds that stopping in order may take, with what the bus and others need."""
        return self._gateway_state.drain.seconds + STOP_SECONDS

    # -- starting and stopping ----------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 and private keys are still within reach.

        Raises:
            SystemExit: it cannot; a gateway that does not listen must not seem to run.
        """
        self._ports.open(self._listeners)
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
        self._gateway_state.stopping = True
        await self._ports.close()
        try:
            self._end_handshakes()
            await self._drain(self._reactor.seconds() + self._gateway_state.drain.seconds)
        finally:
            await super().stopService()
            self._gateway_state.flusher.stop()
            self._relay.log_totals()

    def hurry(self) -> None:
        """If it is stopping, do so at once: tell all who are left to go, and hardly wait for them."""
        self._shutdown_wait.hurry()

    def _end_handshakes(self) -> None:
        """Abort whoever is no peer: handshakes under way, and page requests."""
        for handshake in self._policy.handshakes:
            if handshake.inside not in self._gateway_state.registry:
                handshake.abort()

    async def _drain(self, end: float) -> None:
        """Hang up on one peer after the other until that time, and see them off.

        What waits in a queue goes first, and has until then.
        """
        registry, seconds, clock = (
            self._gateway_state.registry,
            self._gateway_state.drain.seconds,
            self._reactor.seconds,
        )
        if seconds and len(registry):
            self._log.info(
                "stopping: {peers} peers are told to go within {seconds:g} s",
                peers=len(registry),
                seconds=seconds,
            )
        for due, peer in close_times(registry, seconds, self._gateway_state.entropy):
            early = end - seconds + due - clock()
            if early > 0 and len(registry) and not self._shutdown_wait.hurried:
                await self._shutdown_wait.wait(registry.empty(), max(early, STEP_SECONDS))
            peer.close(GOING_AWAY, longest=end - clock())
        await self._see_off(max(GOODBYE_SECONDS, end - clock()))

    async def _see_off(self, longest: float) -> None:
        """Wait until all have gone, and abort those who do not answer."""
        handshakes = self._policy.handshakes
        for seconds in (longest, ABORT_SECONDS):
            await self._shutdown_wait.wait(handshakes.empty(), seconds, HURRY_SECONDS)
            for handshake in handshakes:
                handshake.abort()

    # -- the bus ------------------------------------------------------------------------------

    def delivered(self, delivery: Delivery) -> None:
        """Relay it."""
        self._relay.delivered(delivery)

    def events_lost(self, why: str) -> None:
        """Hang up on every peer, once: each has missed something, and can look for it when it is back."""
        peers, stats = list(self._gateway_state.registry), self._relay.stats
        stats.gaps += 1
        now = self._gateway_state.keepalive.now()
        if now - self._told_at >= QUIET_SECONDS:
            self._log.warn(
                "events were lost, {peers} peers are told: {why} (gaps since last told: {count})",
                peers=len(peers),
                why=why,
                count=stats.gaps - self._gaps_told,
            )
            self._gaps_told, self._told_at = stats.gaps, now
        for peer in peers:
            peer.close(EVENTS_LOST)

    def bus_lost(self, why: str) -> None:
        """Tell every session; each decides what that means for its peer."""
        self._log.warn(
            "the bus is lost, {peers} peers are told: {why}", peers=len(self._gateway_state.registry), why=why
        )
        self._gateway_state.bus_up = False
        self._tried, self._why_down = True, why
        self._relay.stats.losses += 1
        self._watch(False)
        for authority in self._authorities:
            authority.bus_lost()
        for peer in self._gateway_state.registry:
            peer.bus_lost()

    def bus_back(self) -> None:
        """Tell every session."""
        self._log.info("the bus is up")
        self._gateway_state.bus_up = True
        self._tried, self._why_down = True, ""
        self._watch(True)
        for authority in self._authorities:
            authority.bus_back()
        for peer in self._gateway_state.registry:
            peer.bus_back()

    def bus_failed(self, why: str) -> None:
        """Remember why; no session has heard that it was up."""
        self._tried, self._why_down = True, why

    # -- the authority ------------------------------------------------------------------------

    def _revised(self) -> None:
        for peer in self._gateway_state.registry:
            peer.revise()
