"""The metrics as Prometheus reads them."""

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
    """Return the metrics as text and its media type, in the format that a client accepts."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Values(values))
    encode, kind = _encoder(accept)
    return encode(registry), kind


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return what writes the format that a client accepts; of what makes no sense, the usual one."""
    try:
        return choose_encoder(accept)
    except Exception:  # noqa: BLE001 the library trusts who asks
        return choose_encoder("")


@frozen(eq=False)
class _Values(Collector):
    """Hands the values over as the library has them."""

    values: Values

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            yield _family(metric, self.values)


def _family(metric: Metric, values: Values) -> Family:
    mine = {labels: value for (name, labels), value in values.items() if name == metric.name}
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels)
        for labels, value in mine.items():
            assert isinstance(value, Histogram)  # noqa: S101 its kind says so
            buckets = list(zip(_BOUNDS, map(float, accumulate(value.counts)), strict=True))
            histogram.add_metric(labels, buckets=buckets, sum_value=value.sum)
        return histogram
    family: Family = _FAMILIES[metric.kind](metric.name, metric.doc, labels=metric.labels)
    for labels, value in mine.items():
        family.add_metric(labels, value)  # type: ignore[attr-defined]  # each kind has it
    return family
