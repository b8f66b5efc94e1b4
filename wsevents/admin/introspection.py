"""Reports the state, metrics and sessions of one process to the operator, and closes sessions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field
from prometheus_client import ProcessCollector

from wsevents import __version__
from wsevents.admin.metrics import GatewayReport
from wsevents.admin.sessions import OpenSession, SessionList
from wsevents.api.close_reasons import KICKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wsevents.admin.metrics import Key, Value
    from wsevents.admin.sessions import SessionFilter
    from wsevents.admin.stall_detector import StallDetector
    from wsevents.auth.lookup_cache import LookupCache
    from wsevents.connections.gateway_state import GatewayState
    from wsevents.connections.handshake import HandshakePolicy
    from wsevents.connections.websocket import Peer

_PROCESS = {
    "process_cpu_seconds": "wsevents_process_cpu_seconds",
    "process_resident_memory_bytes": "wsevents_process_resident_bytes",
    "process_open_fds": "wsevents_process_open_files",
    "process_max_fds": "wsevents_process_open_files_max",
}
"""Process metrics of prometheus_client, and their names here, where they are combined for all workers."""


@define(eq=False)
class Introspection:
    """Reads the parts of one gateway; it counts nothing itself.

    Attributes:
        gateway_state, policy, authorities: of the gateway.
        stall_detector: of the process; runs with the gateway.
    """

    gateway_state: GatewayState
    policy: HandshakePolicy
    authorities: Sequence[LookupCache]
    stall_detector: StallDetector
    _process: ProcessCollector = field(init=False, factory=lambda: ProcessCollector(registry=None))

    def answers(self) -> dict[str, Callable[[Any], Any]]:
        """Return a function for each question that may be asked by name, as over RPC."""
        return {
            "report": lambda _: self.report(),
            "sessions": self.sessions,
            "kick": self.kick,
        }

    # -- state and metrics ----------------------------------------------------------------------------

    def report(self) -> GatewayReport:
        """Return the state and the metrics of the gateway."""
        return GatewayReport(
            self.gateway_state.session_log.process,
            len(self.gateway_state.registry),
            self.gateway_state.bus_up and not self.gateway_state.stopping,
            tuple(self._reasons()),
            dict(self._values()),
        )

    def _reasons(self) -> Iterator[str]:
        if self.gateway_state.stopping:
            yield "the gateway is stopping"
        elif not self.gateway_state.bus_up:
            yield "the bus is not connected"
        for authority in self.authorities:
            if authority.last_error is not None:
                yield f"the authenticator {authority.label} is unavailable: {authority.last_error}"

    def _values(self) -> Iterator[tuple[Key, Value]]:
        yield from self._peer_values()
        yield from self._event_values()
        yield from self._authority_values()
        yield ("wsevents_build_info", (__version__,)), 1
        yield ("wsevents_reactor_stalls", ()), self.stall_detector.stalls
        yield ("wsevents_reactor_stalled_seconds", ()), self.stall_detector.stalled
        for family in self._process.collect():
            if family.name in _PROCESS:
                yield (_PROCESS[family.name], ()), family.samples[0].value

    def _peer_values(self) -> Iterator[tuple[Key, Value]]:
        gateway_state, session_log = self.gateway_state, self.gateway_state.session_log
        peers = Counter({served.dialect.name: 0 for served in gateway_state.relay.dialect_indexes})
        peers.update(peer.dialect.name for peer in gateway_state.registry)
        yield from _labelled("wsevents_peers", peers)
        yield ("wsevents_peers_behind", ()), len(gateway_state.flusher.budget.behind)
        yield ("wsevents_queue_bytes", ()), gateway_state.flusher.budget.size
        yield ("wsevents_connections", ()), len(self.policy.handshakes)
        yield from _labelled("wsevents_sessions_opened", {name: session_log.opened[name] for name in peers})
        yield from _labelled("wsevents_token_expiries", {name: session_log.expired[name] for name in peers})
        yield from _labelled("wsevents_handshake_failures", session_log.failed)
        for labels, count in session_log.closed.items():
            yield ("wsevents_sessions_closed", labels), count

    def _event_values(self) -> Iterator[tuple[Key, Value]]:
        stats = self.gateway_state.relay.stats
        yield ("wsevents_events_consumed", ()), stats.consumed
        yield ("wsevents_events_matched", ()), stats.matched
        yield ("wsevents_events_delivered", ()), stats.delivered
        yield ("wsevents_events_delivered_bytes", ()), stats.bytes
        yield from _labelled("wsevents_events_dropped", stats.dropped)
        yield ("wsevents_delivery_latency_seconds", ()), self.gateway_state.flusher.latency
        yield ("wsevents_bus_connected", ()), int(self.gateway_state.bus_up)
        yield ("wsevents_bus_losses", ()), stats.losses
        yield ("wsevents_bus_gaps", ()), stats.gaps

    def _authority_values(self) -> Iterator[tuple[Key, Value]]:
        for authority in self.authorities:
            for answer, count in authority.answers.items():
                yield ("wsevents_auth_lookups", (authority.label, answer)), count
            yield ("wsevents_auth_lookup_seconds", (authority.label,)), authority.latency

    # -- sessions -------------------------------------------------------------------------

    def sessions(self, session_filter: SessionFilter) -> SessionList:
        """Return the open sessions and the last closed ones that match a filter."""
        return SessionList(
            [self._open_session(peer) for peer in self._matching(session_filter)],
            [
                closed
                for closed in self.gateway_state.session_log.closed_sessions
                if session_filter.matches(closed.info)
            ],
        )

    def _matching(self, session_filter: SessionFilter) -> Iterator[Peer]:
        for peer in self.gateway_state.registry:
            if session_filter.matches(peer.info()):
                yield peer

    def _open_session(self, peer: Peer) -> OpenSession:
        outbound = peer.outbound
        interests = self.gateway_state.relay.interests(peer.dialect, outbound)
        asked = sorted({text for interest in interests for text in interest.asked})
        return OpenSession(peer.info(), tuple(asked), outbound.size, outbound.behind)

    def kick(self, session_filter: SessionFilter) -> int:
        """Close the sessions that match a filter; return their number."""
        matching = list(self._matching(session_filter))
        for peer in matching:
            peer.close(KICKED)
        return len(matching)


def _labelled(name: str, counts: Mapping[str, int]) -> Iterator[tuple[Key, Value]]:
    for label, count in counts.items():
        yield (name, (label,)), count
