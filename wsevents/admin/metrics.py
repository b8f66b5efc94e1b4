"""The definition of every metric, and how the values of several processes are combined."""

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
    """The definition of a metric (data model of Prometheus).

    Attributes:
        name: without the "_total" of counters.
        kind: "counter" (never decreases), "gauge" or "histogram".
        doc: a sentence for operators.
        labels: the names of its labels.
        minimum: whether several processes are combined by their minimum instead of their sum.
    """

    name: str
    kind: str
    doc: str
    labels: tuple[str, ...] = ()
    minimum: bool = False


METRICS = (
    Metric(
        "wsevents_build_info", "gauge", "Always 1; the label has the version.", ("version",), minimum=True
    ),
    Metric("wsevents_workers", "gauge", "Processes that serve peers, as configured."),
    Metric("wsevents_workers_ready", "gauge", "Processes that serve peers and respond."),
    Metric("wsevents_peers", "gauge", "Peers with an open session.", ("dialect",)),
    Metric("wsevents_peers_behind", "gauge", "Peers that read more slowly than their events arrive."),
    Metric("wsevents_queue_bytes", "gauge", "Bytes queued for peers that are behind."),
    Metric("wsevents_connections", "gauge", "Connections, including unfinished handshakes."),
    Metric("wsevents_sessions_opened", "counter", "Sessions opened.", ("dialect",)),
    Metric(
        "wsevents_sessions_closed",
        "counter",
        "Sessions closed, by the closing side (`gateway`, `peer`; `nobody`: connection lost) and close code.",
        ("dialect", "by", "code"),
    ),
    Metric(
        "wsevents_token_expiries",
        "counter",
        "Sessions closed because their token expired or was revoked.",
        ("dialect",),
    ),
    Metric(
        "wsevents_handshake_failures",
        "counter",
        "Connections that failed before a session: limit, timeout, lost, proxy, or an HTTP status.",
        ("reason",),
    ),
    Metric("wsevents_events_consumed", "counter", "Messages received from the bus."),
    Metric("wsevents_events_matched", "counter", "Events that at least one peer subscribed to and may see."),
    Metric("wsevents_events_delivered", "counter", "Events sent to peers, counted once per peer."),
    Metric(
        "wsevents_events_delivered_bytes",
        "counter",
        "Bytes of events sent to peers, before compression and TLS.",
    ),
    Metric(
        "wsevents_events_dropped", "counter", "Messages from the bus that were not valid events.", ("reason",)
    ),
    Metric(
        "wsevents_delivery_latency_seconds",
        "histogram",
        "Time from the bus to the kernel, measured per peer and batch of events.",
    ),
    Metric(
        "wsevents_bus_connected",
        "gauge",
        "1: every process is connected to the bus; 0: at least one process is not.",
        minimum=True,
    ),
    Metric("wsevents_bus_losses", "counter", "Losses of the connection to the bus."),
    Metric(
        "wsevents_bus_gaps", "counter", "Gaps: times that events were lost because the gateway was too slow."
    ),
    Metric(
        "wsevents_auth_lookups",
        "counter",
        "Look-ups of tokens and passwords, by authority and answer.",
        ("authority", "answer"),
    ),
    Metric("wsevents_auth_lookup_seconds", "histogram", "Time until an authority answered.", ("authority",)),
    Metric(
        "wsevents_reactor_stalls", "counter", "Times that the event loop was blocked for more than 0.1 s."
    ),
    Metric(
        "wsevents_reactor_stalled_seconds",
        "counter",
        "Total time that the event loop was blocked, in seconds.",
    ),
    Metric("wsevents_process_cpu_seconds", "counter", "CPU time of all processes that serve peers."),
    Metric("wsevents_process_resident_bytes", "gauge", "Memory of all processes that serve peers."),
    Metric(
        "wsevents_process_open_files",
        "gauge",
        "Open files and connections of all processes that serve peers.",
    ),
    Metric(
        "wsevents_process_open_files_max",
        "gauge",
        "Most open files and connections that one process may have.",
        minimum=True,
    ),
)
"""Every metric, in the order of `/metrics`."""
BY_NAME = {metric.name: metric for metric in METRICS}


def combined(processes: Iterable[Values]) -> dict[Key, Value]:
    """Return the values of all processes, combined for each metric and label."""
    total: dict[Key, Value] = {}
    for values in processes:
        for key, value in values.items():
            total[key] = _combine(BY_NAME[key[0]], total[key], value) if key in total else value
    return total


def _combine(metric: Metric, one: Value, other: Value) -> Value:
    if isinstance(one, Histogram) and isinstance(other, Histogram):
        return one + other
    assert not isinstance(one, Histogram)  # noqa: S101 a metric has one kind
    assert not isinstance(other, Histogram)  # noqa: S101
    return min(one, other) if metric.minimum else one + other


def cumulative(values: Values) -> dict[Key, Value]:
    """Return the counters and histograms, which must be kept when their process ends."""
    return {key: value for key, value in values.items() if BY_NAME[key[0]].kind != "gauge"}


@frozen
class GatewayReport:
    """The state of one process.

    Attributes:
        pid: of the process.
        peers: the number of its peers.
        ready: whether it can serve new connections.
        reasons: a sentence for each problem, such as why it is not ready.
        values: its metrics.
    """

    pid: int
    peers: int
    ready: bool
    reasons: tuple[str, ...] = ()
    values: Values = field(factory=dict)
