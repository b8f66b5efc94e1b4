"""The gateway as one service: its start, the order of its shutdown, and the events of the bus."""

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

CLOSE_SECONDS = 5.0
"""How long the shutdown waits for peers to answer the close frame."""
FAST_CLOSE_SECONDS = 0.5
"""The same after a second signal."""
STEP_SECONDS = 0.05
"""Peers whose close times differ by less than this are closed together."""
STOP_SECONDS = 15.0
"""How long the shutdown may take in addition to `drain.seconds`."""
ABORT_SECONDS = 1.0
"""How long the shutdown waits for aborted connections."""
LOG_INTERVAL_SECONDS = 10.0
"""Lost events are logged at most once in so many seconds, with a count."""


@implementer(IBusListener)
class Gateway(MultiService):
    """Listens and relays. It stops in order: listeners, then peers, then everything else.

    Args:
        reactor: time and ports.
        listeners: the listeners to open.
        gateway_state, policy, relay: the peers, their handshakes, and their subscriptions.
        authorities: get the state of the bus; their changes are passed to the sessions.
        announce: called when the gateway listens.
        listen: opens a port; None: with the reactor.
        watch: called with True when the bus connects, and with False when it is lost.
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
        self._gaps_logged, self._gaps_logged_at = 0, -LOG_INTERVAL_SECONDS
        self._ports = Ports(listen or ReloadableListeners(reactor).listen)
        self._on_bus_change = watch
        self._shutdown_wait = ShutdownWait(reactor)
        self._bus_attempted, self._bus_error = False, "not connected yet"
        for authority in authorities:
            authority.watch(self._identities_changed)
            authority.bus_lost()  # until the bus connects for the first time

    @property
    def ports(self) -> list[IListeningPort]:
        """The open ports, once started."""
        return self._ports.opened

    def health(self) -> Health:
        """Return the number of peers and the state of the bus."""
        return Health(len(self._gateway_state.registry), self._bus_attempted, self._bus_error)

    def responsive(self) -> bool:
        """Return True: the gateway runs in the reactor of the caller."""
        return True

    @property
    def stop_seconds(self) -> float:
        """Seconds that an orderly shutdown may take, with the bus and all other parts."""
        return self._gateway_state.drain.seconds + STOP_SECONDS

    # -- starting and stopping ----------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the ports, before the process drops its privileges.

        Raises:
            SystemExit: a port cannot be opened; a gateway that does not listen must not seem to run.
        """
        self._ports.open(self._listeners)
        files = raise_open_files()
        self._log.info("up to {files} open files, one for each connection", files=files)
        super().privilegedStartService()

    def startService(self) -> None:
        """Start all parts and announce the gateway."""
        super().startService()
        self._announce(self)

    def stopService(self) -> Deferred[None]:
        """Stop in order. Fires when all connections are closed, or a second after the rest were aborted."""
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

    def stop_now(self) -> None:
        """Shorten a running shutdown: close all peers now, and wait for them only briefly."""
        self._shutdown_wait.shorten()

    def _end_handshakes(self) -> None:
        """Abort unfinished handshakes and page requests."""
        for handshake in self._policy.handshakes:
            if handshake.delegate not in self._gateway_state.registry:
                handshake.abort()

    async def _drain(self, end: float) -> None:
        """Close the peers one after the other until `end`, and wait for them.

        Messages that are queued for a peer are sent before its close frame. They have until `end`.
        """
        registry, seconds, clock = (
            self._gateway_state.registry,
            self._gateway_state.drain.seconds,
            self._reactor.seconds,
        )
        if seconds and len(registry):
            self._log.info(
                "stopping: closing {peers} peers within {seconds:g} s",
                peers=len(registry),
                seconds=seconds,
            )
        for due, peer in close_times(registry, seconds, self._gateway_state.entropy):
            wait = end - seconds + due - clock()
            if wait > 0 and len(registry) and not self._shutdown_wait.expedited:
                await self._shutdown_wait.wait(registry.empty(), max(wait, STEP_SECONDS))
            peer.close(GOING_AWAY, flush_seconds=end - clock())
        await self._await_disconnects(max(CLOSE_SECONDS, end - clock()))

    async def _await_disconnects(self, longest: float) -> None:
        """Wait until all connections are closed, then abort the rest."""
        handshakes = self._policy.handshakes
        for seconds in (longest, ABORT_SECONDS):
            await self._shutdown_wait.wait(handshakes.empty(), seconds, FAST_CLOSE_SECONDS)
            for handshake in handshakes:
                handshake.abort()

    # -- the bus ------------------------------------------------------------------------------

    def delivered(self, delivery: Delivery) -> None:
        self._relay.delivered(delivery)

    def events_lost(self, why: str) -> None:
        """Close every peer: each may have missed an event, and can query the state when it reconnects."""
        peers, stats = list(self._gateway_state.registry), self._relay.stats
        stats.gaps += 1
        now = self._gateway_state.keepalive.now()
        if now - self._gaps_logged_at >= LOG_INTERVAL_SECONDS:
            self._log.warn(
                "events lost: {why}; closing {peers} peers ({count} gaps since the last such line)",
                peers=len(peers),
                why=why,
                count=stats.gaps - self._gaps_logged,
            )
            self._gaps_logged, self._gaps_logged_at = stats.gaps, now
        for peer in peers:
            peer.close(EVENTS_LOST)

    def bus_lost(self, why: str) -> None:
        """Notify every session. Its dialect decides whether to close the peer."""
        self._log.warn(
            "bus connection lost: {why}; notified {peers} peers",
            peers=len(self._gateway_state.registry),
            why=why,
        )
        self._gateway_state.bus_up = False
        self._bus_attempted, self._bus_error = True, why
        self._relay.stats.losses += 1
        self._on_bus_change(False)
        for authority in self._authorities:
            authority.bus_lost()
        for peer in self._gateway_state.registry:
            peer.bus_lost()

    def bus_back(self) -> None:
        """Notify every session."""
        self._log.info("the bus is up")
        self._gateway_state.bus_up = True
        self._bus_attempted, self._bus_error = True, ""
        self._on_bus_change(True)
        for authority in self._authorities:
            authority.bus_back()
        for peer in self._gateway_state.registry:
            peer.bus_back()

    def bus_failed(self, why: str) -> None:
        """Remember why the bus could not connect. Sessions are not notified: the bus was not up."""
        self._bus_attempted, self._bus_error = True, why

    # -- the authority ------------------------------------------------------------------------

    def _identities_changed(self) -> None:
        for peer in self._gateway_state.registry:
            peer.refresh_identity()
