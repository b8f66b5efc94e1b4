"""The metrics of several processes together, and as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wsevents.admin.metrics import METRICS, combined, cumulative
from wsevents.admin.prometheus import exposition
from wsevents.core.histogram import Histogram

CONSUMED, PEERS = ("wsevents_events_consumed", ()), ("wsevents_peers", ("wazo",))
CONNECTED, LATENCY = ("wsevents_bus_connected", ()), ("wsevents_delivery_latency_seconds", ())

NONE = frozenset()


def histogram(*seconds):
    made = Histogram()
    for one in seconds:
        made.observe(one)
    return made


def test_the_counts_of_two_processes_are_added():
    whole = combined(
        [{CONSUMED: 5, PEERS: 2, LATENCY: histogram(0.1)}, {CONSUMED: 6, LATENCY: histogram(0.1, 0.2)}]
    )
    assert (whole[CONSUMED], whole[PEERS]) == (11, 2)
    assert sum(whole[LATENCY].counts) == 3


def test_the_bus_is_connected_if_every_process_is_connected():
    assert combined([{CONNECTED: 1}, {CONNECTED: 1}])[CONNECTED] == 1
    assert combined([{CONNECTED: 1}, {CONNECTED: 0}])[CONNECTED] == 0


def test_only_the_counts_of_an_ended_process_are_kept():
    left = cumulative({CONSUMED: 5, PEERS: 2, CONNECTED: 1, LATENCY: histogram(0.1)})
    assert set(left) == {CONSUMED, LATENCY}


def test_names_texts_and_labels_of_metrics_are_valid():
    for metric in METRICS:
        assert metric.name.startswith("wsevents_")
        assert not metric.name.endswith("_total"), "the library appends that to counters"
        assert metric.kind in {"counter", "gauge", "histogram"}
        assert metric.doc.endswith(".")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_prometheus_reads_the_values_as_they_are():
    awkward = 'the dialect x failed: "E"\\ at a\nline'
    values = {
        CONSUMED: 5,
        PEERS: 2,
        LATENCY: histogram(0.002, 0.02, 99),
        ("wsevents_events_dropped", (awkward,)): 3,
        ("wsevents_sessions_closed", ("wazo", "gateway", "4003")): 7,
    }
    text, kind = exposition(values, "")
    assert kind.startswith("text/plain")
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    assert samples["wsevents_events_consumed_total", NONE] == 5
    assert samples["wsevents_peers", frozenset({("dialect", "wazo")})] == 2
    assert samples["wsevents_events_dropped_total", frozenset({("reason", awkward)})] == 3
    closed = frozenset({("dialect", "wazo"), ("by", "gateway"), ("code", "4003")})
    assert samples["wsevents_sessions_closed_total", closed] == 7
    name = "wsevents_delivery_latency_seconds"
    assert samples[f"{name}_count", NONE] == 3
    assert samples[f"{name}_sum", NONE] == pytest.approx(99.022)
    assert samples[f"{name}_bucket", frozenset({("le", "0.0025")})] == 1
    assert samples[f"{name}_bucket", frozenset({("le", "10.0")})] == 2
    assert samples[f"{name}_bucket", frozenset({("le", "+Inf")})] == 3


def test_openmetrics_is_sent_on_request():
    text, kind = exposition({CONSUMED: 5}, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
