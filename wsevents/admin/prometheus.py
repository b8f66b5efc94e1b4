"""The metrics in the formats of Prometheus."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from attrs import frozen
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from wsevents.admin.metrics import METRICS
from wsevents.core.histogram import SECONDS, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric as Family

    from wsevents.admin.metrics import Metric, Values

_FAMILIES: dict[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
_BOUNDS = (*map(floatToGoString, SECONDS), "+Inf")


def exposition(values: Values, accept: str) -> tuple[bytes, str]:
    """Return the metrics and their media type, in the format that an Accept header asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Values(values))
    encode, kind = _encoder(accept)
    return encode(registry), kind


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return the encoder for an Accept header; the text format if the header is invalid."""
    try:
        return choose_encoder(accept)
    except Exception:  # noqa: BLE001 the library raises various errors at invalid headers
        return choose_encoder("")


@frozen(eq=False)
class _Values(Collector):
    """Passes the values to prometheus_client."""

    values: Values

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            yield _family(metric, self.values)


def _family(metric: Metric, values: Values) -> Family:
    by_labels = {labels: value for (name, labels), value in values.items() if name == metric.name}
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels)
        for labels, value in by_labels.items():
            assert isinstance(value, Histogram)  # noqa: S101 the kind is histogram
            buckets = list(zip(_BOUNDS, map(float, accumulate(value.counts)), strict=True))
            histogram.add_metric(labels, buckets=buckets, sum_value=value.sum)
        return histogram
    family: Family = _FAMILIES[metric.kind](metric.name, metric.doc, labels=metric.labels)
    for labels, value in by_labels.items():
        family.add_metric(labels, value)  # type: ignore[attr-defined]  # each kind has it
    return family
