"""Fan-out: cost and latency of the delivery of an event to many peers, against Nchan."""

import time
from contextlib import ExitStack
from statistics import median

from bench.gateway import Gateway
from bench.hop import Hop
from bench.nchan import Nchan
from bench.rig import Result, compare, percentile, run

RATE = 20
BURST = 20
CURVE = ((10, 100), (30, 100), (100, 60), (300, 40))
"""Pairs of peers and events a second for the plot; the measure itself adds the last point."""

CURVE_ROUNDS = 3


def steps(plan):
    """Return the number of steps."""
    return 1 + 5 * plan.rounds + 2 * len(curve(plan)) * min(CURVE_ROUNDS, plan.rounds)


def curve(plan):
    """Return the points of the plot that have fewer peers than the measure."""
    return [point for point in CURVE if point[0] < plan.peers]


def measure(rig):
    """Run the rounds and the points of the plot on the same servers."""
    plan = rig.plan
    with ExitStack() as stack:
        rig.step(f"{plan.peers} peers for each of three servers")
        # Two gateways, so that none has more peers than Nchan.
        ours = stack.enter_context(Gateway(rig.load, rig.broker))
        crowd = stack.enter_context(Gateway(rig.load, rig.broker, users=plan.peers))
        theirs = stack.enter_context(Nchan(rig.load, rig.files))
        groups = {
            "one": stack.enter_context(ours.join("one", plan.peers)),
            "distinct": stack.enter_context(crowd.join("distinct", plan.peers, distinct=True)),
            "nchan": stack.enter_context(theirs.join("one", plan.peers)),
        }
        time.sleep(plan.settle)
        with Hop(rig.broker, "one") as hop:
            rounds = [
                _round(rig, number, (ours, crowd, theirs), groups, hop) for number in range(plan.rounds)
            ]
        points = [_point(rig, ours, theirs, *point) for point in curve(plan)]
        points.append({"peers": plan.peers, **_medians(rounds, {"ours": "single", "peer": "nchan single"})})
        tls = {"ours": groups["one"].tls, "peer": groups["nchan"].tls}
    return Result(_rows(plan, rounds), {"rounds": rounds, "curve": points, "tls": tls})


def _rows(plan, rounds):
    def row(what, bar, mine, theirs, key="cost", unit="µs"):
        return compare(what, unit, bar, [(each[mine][key], each[theirs][key]) for each in rounds])

    return [
        row(
            f"CPU per event, {plan.peers} peers of one user, one event at a time",
            1.2,
            "single",
            "nchan single",
        ),
        row(f"the same, bursts of {BURST}", 0.3, "burst", "nchan burst"),
        row(
            f"CPU per event, {plan.peers} peers of {plan.peers} users, one event at a time",
            1.35,
            "distinct",
            "nchan single",
        ),
        row("latency p50, without the broker", 1.3, "single", "nchan single", "p50", "ms"),
        row("latency p99, without the broker", 1.3, "single", "nchan single", "p99", "ms"),
    ]


def _round(rig, number, servers, groups, hop):
    ours, crowd, theirs = servers

    def single(server, group, name):
        return run(
            server, groups[group], lambda count: server.publish(name, count), RATE, 1, rig.plan.seconds
        )

    def burst(server, group):
        seconds = max(rig.plan.seconds, BURST / RATE)
        return run(server, groups[group], lambda count: server.publish("one", count), RATE, BURST, seconds)

    runs = {
        "single": lambda: _timed(single(ours, "one", "one"), hop),
        "nchan single": lambda: _timed(single(theirs, "nchan", "one")),
        "distinct": lambda: _timed(single(crowd, "distinct", "distinct")),
        "burst": lambda: _timed(burst(ours, "one")),
        "nchan burst": lambda: _timed(burst(theirs, "nchan")),
    }
    found = {}
    for name, go in runs.items():
        rig.step(f"fan-out, {name}, round {number + 1}")
        found[name] = go()
    return found


def _timed(result, hop=None):
    """Return cost and latencies in milliseconds; with a hop, subtract the time in the broker."""
    figures = {"cost": result.cost}
    came = {}
    if hop is not None:
        deadline = time.monotonic() + 10
        while not set(result.sent) <= hop.arrivals.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
        came = hop.arrivals
        behind = sorted(came[sent] - sent for sent in set(result.sent))
        figures |= {
            "broker p50": percentile(behind, 0.5) / 1000,
            "broker p99": percentile(behind, 0.99) / 1000,
        }
    taken = sorted(
        received - came.get(sent, sent) for sent, received in zip(result.sent, result.received, strict=True)
    )
    return figures | {"p50": percentile(taken, 0.5) / 1000, "p99": percentile(taken, 0.99) / 1000}


def _point(rig, ours, theirs, peers, rate):
    """Return the cost of an event for this number of peers of each server."""
    name, rounds = f"of{peers}", []
    with ours.join(name, peers) as mine, theirs.join(name, peers) as others:
        time.sleep(rig.plan.settle)
        for number in range(min(CURVE_ROUNDS, rig.plan.rounds)):
            found = {}
            for key, server, group in (("ours", ours, mine), ("peer", theirs, others)):
                rig.step(f"{server.name}, {peers} peers, round {number + 1}")
                seconds = rig.plan.seconds / 2
                one = run(server, group, lambda count, to=server: to.publish(name, count), rate, 1, seconds)
                found[key] = {"cost": one.cost}
            rounds.append(found)
    return {"peers": peers, **_medians(rounds, {"ours": "ours", "peer": "peer"})}


def _medians(rounds, names):
    return {key: median(each[name]["cost"] for each in rounds) for key, name in names.items()}
