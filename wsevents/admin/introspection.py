"""Answers what an operator asks of one process: how it is, who is there, and to whom to say goodbye."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field
from prometheus_client import ProcessCollector

from wsevents import __version__
from wsevents.admin.metrics import GatewayReport
from wsevents.admin.sessions import Listing, Standing
from wsevents.api.close_reasons import KICKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wsevents.admin.metrics import Key, Value
    from wsevents.admin.sessions import Choice
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
"""What prometheus_client knows of a process, and our names for what holds for several together."""


@define(eq=False)
class Introspection:
    """Knows the parts of one gateway, and counts nothing itself.

    Attributes:
        house, keeper, authorities: the gateway's.
        pulse: whether the process gets round to things; to be started with the gateway.
    """

    gateway_state: GatewayState
    policy: HandshakePolicy
    authorities: Sequence[LookupCache]
    pulse: StallDetector
    _process: ProcessCollector = field(init=False, factory=lambda: ProcessCollector(registry=None))

    def answers(self) -> dict[str, Callable[[Any], Any]]:
        """Return what may be asked: the name of each question, and what answers it."""
        return {
            "report": lambda _: self.report(),
            "sessions": self.sessions,
            "kick": self.kick,
        }

    # -- how it is ----------------------------------------------------------------------------

    def report(self) -> GatewayReport:
        """Say how the gateway is."""
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
            if authority.trouble is not None:
                yield f"the authenticator {authority.called} gave no answer: {authority.trouble}"

    def _values(self) -> Iterator[tuple[Key, Value]]:
        yield from self._of_peers()
        yield from self._of_events()
        yield from self._of_authorities()
        yield ("wsevents_build_info", (__version__,)), 1
        yield ("wsevents_reactor_stalls", ()), self.pulse.stalls
        yield ("wsevents_reactor_stalled_seconds", ()), self.pulse.stalled
        for family in self._process.collect():
            if family.name in _PROCESS:
                yield (_PROCESS[family.name], ()), family.samples[0].value

    def _of_peers(self) -> Iterator[tuple[Key, Value]]:
        gateway_state, session_log = self.gateway_state, self.gateway_state.session_log
        here = Counter({stage.dialect.name: 0 for stage in gateway_state.relay.stages})
        here.update(peer.dialect.name for peer in gateway_state.registry)
        yield from _labelled("wsevents_peers", here)
        yield ("wsevents_peers_behind", ()), len(gateway_state.flusher.budget.behind)
        yield ("wsevents_queue_bytes", ()), gateway_state.flusher.budget.size
        yield ("wsevents_connections", ()), len(self.policy.handshakes)
        yield from _labelled("wsevents_sessions_opened", {name: session_log.opened[name] for name in here})
        yield from _labelled("wsevents_token_expiries", {name: session_log.expired[name] for name in here})
        yield from _labelled("wsevents_handshake_failures", session_log.failed)
        for labels, count in session_log.closed.items():
            yield ("wsevents_sessions_closed", labels), count

    def _of_events(self) -> Iterator[tuple[Key, Value]]:
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

    def _of_authorities(self) -> Iterator[tuple[Key, Value]]:
        for authority in self.authorities:
            for answer, count in authority.answers.items():
                yield ("wsevents_auth_lookups", (authority.called, answer)), count
            yield ("wsevents_auth_lookup_seconds", (authority.called,)), authority.latency

    # -- who is there -------------------------------------------------------------------------

    def sessions(self, choice: Choice) -> Listing:
        """Return the sessions of this moment, and the last ones that are over, as far as chosen."""
        return Listing(
            [self._standing(peer) for peer in self._chosen(choice)],
            [one for one in self.gateway_state.session_log.closed_sessions if choice.takes(one.info)],
        )

    def _chosen(self, choice: Choice) -> Iterator[Peer]:
        for peer in self.gateway_state.registry:
            if choice.takes(peer.info()):
                yield peer

    def _standing(self, peer: Peer) -> Standing:
        outbound = peer.outbound
        interests = self.gateway_state.relay.interests(peer.dialect, outbound)
        asked = sorted({text for interest in interests for text in interest.asked})
        return Standing(peer.info(), tuple(asked), outbound.size, outbound.behind)

    def kick(self, choice: Choice) -> int:
        """End the sessions that are chosen; return how many."""
        chosen = list(self._chosen(choice))
        for peer in chosen:
            peer.close(KICKED)
        return len(chosen)


def _labelled(name: str, counts: Mapping[str, int]) -> Iterator[tuple[Key, Value]]:
    for label, count in counts.items():
        yield (name, (label,)), count
