"""docs/metrics.md has every metric that there is, in the words that Prometheus is told."""

import re
from pathlib import Path

from tests.docs.test_closings import rows
from tests.test_contrib import alerts
from wsevents.admin.metrics import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROWS = rows(PAGE.split("\n## Every metric\n")[1])


def shown(metric):
    """Return the cells of a metric, by the names that Prometheus sees."""
    name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
    return [f"`{name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.doc]


def test_every_metric_has_a_row_in_their_order():
    assert [row[:4] for row in ROWS] == [shown(metric) for metric in METRICS]


def test_every_alert_has_a_row_that_says_what_to_do():
    told = {name.strip("`"): todo for name, todo in rows(PAGE.split("\n## Every metric\n")[0])}
    assert set(told) == set(alerts())
    assert all(told.values())


def test_every_row_says_what_to_do():
    assert all(row[4] for row in ROWS)


def test_every_metric_that_is_spoken_of_is_one():
    there = {shown(metric)[0].strip("`") for metric in METRICS}
    assert set(re.findall(r"\bwsevents_\w+", PAGE)) <= there
