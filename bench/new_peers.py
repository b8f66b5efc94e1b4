"""New peers: CPU cost of a connection, and memory of an idle peer, against Nchan."""

import time
from contextlib import ExitStack

from bench import processes
from bench.gateway import INIT, STARTED, Gateway
from bench.nchan import Nchan
from bench.rig import Result, compare

FIRST = 50
"""Peers that connect before the measure, so that one-time costs of the server are not counted."""

KILOBYTE = 1000


def rounds_of(plan):
    """Return the number of rounds; each round restarts the servers."""
    return min(3, plan.rounds)


def steps(plan):
    """Return the number of steps."""
    return 3 * rounds_of(plan)


def measure(rig):
    """Connect peers to servers that have just started."""
    plan = rig.plan
    rounds = []
    for number in range(rounds_of(plan)):
        found = {}
        for name, what in (("ours", "connected"), ("ready", "get events"), ("nchan", "get events")):
            rig.step(f"new peers, {name} ({what}), round {number + 1}")
            found[name] = _connect(rig, name)
        rounds.append(found)

    def row(what, unit, bar, key, note="", mine="ready"):
        return compare(what, unit, bar, [(each[mine][key], each["nchan"][key]) for each in rounds], note)

    ready = row("", "", 2.0, "cost")
    until = "until the peer gets events, with two commands and their replies"
    note = f"{until}: {ready.ours:.0f} µs ({ready.ratio:.2f} ×)"
    rows = [
        row("memory per idle peer", "kB", 1.2, "memory"),
        row("CPU per new peer, TLS and handshake with its token", "µs", 2.0, "cost", note, mine="ours"),
    ]
    return Result(rows, {"rounds": rounds})


def _connect(rig, name):
    with ExitStack() as stack:
        if name == "nchan":
            server = stack.enter_context(Nchan(rig.load, rig.files))
            options = {}
        else:
            server = stack.enter_context(Gateway(rig.load, rig.broker))
            options = {"replies": INIT if name == "ours" else STARTED}
        stack.enter_context(server.join("idle", min(FIRST, rig.plan.peers), **options))
        time.sleep(rig.plan.settle)
        pids = server.pids
        memory, spent = processes.memory(pids), processes.cpu(pids)
        stack.enter_context(server.join("idle", rig.plan.peers, **options))
        spent = processes.cpu(pids) - spent
        time.sleep(rig.plan.settle)
        memory = processes.memory(pids) - memory
    return {"cost": spent / rig.plan.peers * 1e6, "memory": memory / rig.plan.peers / KILOBYTE}
