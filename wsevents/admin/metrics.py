"""Every metric there is, and the values of one process or of several together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from wsevents.core.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = float | Histogram
Key = tuple[str, tuple[str, ...]]
"""A metric's name, and the values of its labels in their order."""
Values = Mapping[Key, Value]


@frozen
class Metric:
    """One kind of number (the data model of Prometheus).

    Attributes:
        name: without the "_total" that counters end with.
        kind: "counter" (only grows), "gauge" or "histogram".
        doc: a sentence for operators.
        labels: their names.
        least: of several processes the smallest value counts, not the sum.
    """

    name: str
    kind: str
    doc: str
    labels: tuple[str, ...] = ()
    least: bool = False


METRICS = (
    Metric("wsevents_build_info", "gauge", "Always 1; the label has the version.", ("version",), least=True),
    Metric("wsevents_workers", "gauge", "Processes that serve peers, as configured."),
    Metric("wsevents_workers_ready", "gauge", "Processes that serve peers, and answer."),
    Metric("wsevents_peers", "gauge", "Peers whose session is open.", ("dialect",)),
    Metric("wsevents_peers_behind", "gauge", "Peers that do not take their events as fast as they come."),
    Metric("wsevents_queue_bytes", "gauge", "Bytes that wait for peers that are behind."),
    Metric("wsevents_connections", "gauge", "Connections, with those whose handshake is not over."),
    Metric("wsevents_sessions_opened", "counter", "Sessions that were opened.", ("dialect",)),
    Metric(
        "wsevents_sessions_closed",
        "counter",
        "Sessions that ended, by whom (gateway, peer, nobody) and with which close code.",
        ("dialect", "by", "code"),
    ),
    Metric(
        "wsevents_token_expiries", "counter", "Sessions that ended because their token did.", ("dialect",)
    ),
    Metric(
        "wsevents_handshake_failures",
        "counter",
        "Connections that did not become a session: limit, timeout, lost, proxy, or a status of HTTP.",
        ("reason",),
    ),
    Metric("wsevents_events_consumed", "counter", "Messages taken from the bus."),
    Metric("wsevents_events_matched", "counter", "Events that somebody wanted and may see."),
    Metric("wsevents_events_delivered", "counter", "Events given to peers, counted for each peer."),
    Metric("wsevents_events_delivered_bytes", "counter", "The same in bytes, before compression and TLS."),
    Metric("wsevents_events_dropped", "counter", "Messages of the bus that became no event.", ("reason",)),
    Metric(
        "wsevents_delivery_latency_seconds",
        "histogram",
        "From the bus to the kernel, for each peer and each time that it is given what came together.",
    ),
    Metric("wsevents_bus_connected", "gauge", "1: every process hears the bus; 0: one does not.", least=True),
    Metric("wsevents_bus_losses", "counter", "How often the bus was lost."),
    Metric("wsevents_bus_gaps", "counter", "How often events were lost as the gateway did not keep up."),
    Metric(
        "wsevents_auth_lookups",
        "counter",
        "Answers about tokens and passwords, by who answered and what.",
        ("authority", "answer"),
    ),
    Metric("wsevents_auth_lookup_seconds", "histogram", "How long these answers took.", ("authority",)),
    Metric("wsevents_reactor_stalls", "counter", "How often the process did nothing else for over 0.1 s."),
    Metric("wsevents_reactor_stalled_seconds", "counter", "How long these times were, together."),
    Metric("wsevents_process_cpu_seconds", "counter", "Processor time of all processes that serve peers."),
    Metric("wsevents_process_resident_bytes", "gauge", "Memory of all processes that serve peers."),
    Metric("wsevents_process_open_files", "gauge", "Files and connections that they have open."),
    Metric("wsevents_process_open_files_max", "gauge", "How many one of them may have open.", least=True),
)
"""In the order in which they are shown."""
BY_NAME = {metric.name: metric for metric in METRICS}


def combined(several: Iterable[Values]) -> dict[Key, Value]:
    """Return the values of all processes together."""
    whole: dict[Key, Value] = {}
    for values in several:
        for key, value in values.items():
            whole[key] = _both(BY_NAME[key[0]], whole[key], value) if key in whole else value
    return whole


def _both(metric: Metric, one: Value, other: Value) -> Value:
    if isinstance(one, Histogram) and isinstance(other, Histogram):
        return one + other
    assert not isinstance(one, Histogram)  # noqa: S101 a metric has one kind
    assert not isinstance(other, Histogram)  # noqa: S101
    return min(one, other) if metric.least else one + other


def lasting(values: Values) -> dict[Key, Value]:
    """Return what a process leaves behind when it ends: what it has counted, which must never shrink."""
    return {key: value for key, value in values.items() if BY_NAME[key[0]].kind != "gauge"}


@frozen
class GatewayReport:
    """What one process says of itself.

    Attributes:
        pid: its own.
        peers: how many it has.
        ready: it can serve newcomers.
        reasons: sentences: what keeps it from that, and what else is not as it should be.
        values: of its metrics.
    """

    pid: int
    peers: int
    ready: bool
    reasons: tuple[str, ...] = ()
    values: Values = field(factory=dict)
