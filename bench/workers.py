"""Workers: what an event costs with two processes that share the peers, against one."""

import time
from contextlib import ExitStack

from bench import processes
from bench.gateway import Gateway
from bench.rig import Result, Row, compare, run

RATE = 20
SHARE = 0.65
"""Of the peers, at most, for one worker."""

COST = "CPU per event, 2 workers, against 1"
LARGEST = f"the same: peers of the busier worker, against {SHARE:.0%} of all"
REFUSED = "this gateway has no `workers`, so it was not measured"


def steps(plan):
    """Return how many steps there will be."""
    return 2 + 2 * plan.rounds


def measure(rig):
    """Publish for the peers of two gateways in turn, one with two workers."""
    plan = rig.plan
    with ExitStack() as stack:
        sides = []
        for workers in (2, 1):
            rig.step(f"{plan.peers} peers, {workers} workers")
            gateway = _start(rig, stack, workers)
            if gateway is None:
                return Result([Row(what=COST, unit="µs", bar=1.1, note=REFUSED)])
            sides.append((workers, gateway, stack.enter_context(gateway.join(_event(workers), plan.peers))))
        time.sleep(plan.settle)
        shares = [processes.connections(pid, sides[0][1].port) for pid in sides[0][1].pids]
        rounds = [[_cost(rig, number, *side) for side in sides] for number in range(plan.rounds)]
    most = max(shares)
    largest = Row(
        what=LARGEST,
        unit="",
        bar=1.0,
        ours=float(most),
        peer=SHARE * plan.peers,
        ratio=most / (SHARE * plan.peers),
    )
    return Result([compare(COST, "µs", 1.1, rounds), largest], {"rounds": rounds, "shares": shares})


def _start(rig, stack, workers):
    """Return the gateway; None, if its configuration knows no workers."""
    try:
        gateway = stack.enter_context(Gateway(rig.load, rig.broker, settings={"workers": workers}))
    except AssertionError as refusal:  # it ended without being ready, and this is its log
        if "workers: is not a key" in str(refusal):
            return None
        raise
    gateway.wait_until_up(workers)
    return gateway


def _event(workers):
    """Return the name of the events that only the peers of this gateway listen to: both get all of them."""
    return f"with{workers}"


def _cost(rig, number, workers, gateway, peers):
    rig.step(f"{workers} workers, round {number + 1}")
    name = _event(workers)
    return run(gateway, peers, lambda count: gateway.publish(name, count), RATE, 1, rig.plan.seconds).cost
