"""The rules for Prometheus and the dashboard for Grafana are valid, and use existing metrics."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from wsevents.admin.metrics import METRICS

CONTRIB = Path(__file__).parents[1] / "contrib"
RULES = CONTRIB / "prometheus" / "wsevents.rules.yml"
DASHBOARD = json.loads((CONTRIB / "grafana" / "wsevents.json").read_text())
INTERVALS = {"$__rate_interval": "5m", "$instance": ".*"}


def exposed():
    """Return the name of each metric in Prometheus, with its labels."""
    suffixes = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {f"{metric.name}{end}": set(metric.labels) for metric in METRICS for end in suffixes[metric.kind]}


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def alerts():
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    assert group["rules"]
    return {rule["alert"]: rule for rule in group["rules"]}


def queries():
    """Return each query of the dashboard, with its variables replaced."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    assert found
    for name, value in INTERVALS.items():
        found = [query.replace(name, value) for query in found]
    return found


def test_prometheus_accepts_the_rules():
    assert promtool("check", "rules", str(RULES))[0] == 0


def test_each_rule_fires_only_if_there_is_a_problem():
    status, said = promtool("test", "rules", str(RULES.with_name("wsevents.rules.test.yml")))
    assert status == 0, said


def test_every_rule_is_tested_and_has_a_summary_and_a_description():
    tests = yaml.safe_load(RULES.with_name("wsevents.rules.test.yml").read_text())["tests"]
    quiet = {case["alertname"] for case in tests[0]["alert_rule_test"]}
    fired = set(re.findall(r'alertname="(\w+)"', str(tests[1]["promql_expr_test"])))
    assert quiet == fired == set(alerts())
    for rule in alerts().values():
        assert {"summary", "description"} == set(rule["annotations"])
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_prometheus_accepts_every_query_of_the_dashboard(tmp_path):
    rules = [{"record": f"query{number}", "expr": query} for number, query in enumerate(queries())]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    status, said = promtool("check", "rules", str(file))
    assert status == 0, said
    assert f"{len(rules)} rules found" in said


@pytest.mark.parametrize("query", sorted({*queries(), *(rule["expr"] for rule in alerts().values())}))
def test_every_metric_in_a_query_exists_with_its_labels(query):
    names = re.findall(r"\bwsevents_\w+", query)
    assert names or query.startswith("up{")
    labels = set().union(*(exposed()[name] for name in names)) | {"instance", "job", "le"}
    groups = re.findall(r"by \(([^)]*)\)", query)
    used = {label.strip() for group in groups for label in group.split(",")}
    assert used | set(re.findall(r"(\w+)=", query)) <= labels


def test_every_metric_is_on_the_dashboard_or_in_the_exceptions():
    shown = set(re.findall(r"\bwsevents_\w+", " ".join(queries())))
    left = {name for name in exposed() if name not in shown and not name.endswith(("_sum", "_count"))}
    assert left == {
        "wsevents_build_info",  # selects the instances
        "wsevents_process_open_files_max",  # constant
        "wsevents_reactor_stalls_total",  # the metric of its seconds is more useful
    }


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
