"""Workers: the cost of an event with two worker processes, against one."""

import time
from contextlib import ExitStack

from bench import processes
from bench.gateway import Gateway
from bench.rig import Result, Row, compare, run

RATE = 20
SHARE = 0.65
"""Maximum share of the peers for one worker."""

COST = "CPU per event, 2 workers, against 1"
LARGEST = f"the same: peers of the busier worker, against {SHARE:.0%} of all"
NO_WORKERS = "not measured: this version of the gateway has no `workers` setting"


def steps(plan):
    """Return the number of steps."""
    return 2 + 2 * plan.rounds


def measure(rig):
    """Publish events for two gateways in turn, one of them with two workers."""
    plan = rig.plan
    with ExitStack() as stack:
        sides = []
        for workers in (2, 1):
            rig.step(f"{plan.peers} peers, {workers} workers")
            gateway = _start(rig, stack, workers)
            if gateway is None:
                return Result([Row(what=COST, unit="µs", bar=1.1, note=NO_WORKERS)])
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
    """Return the gateway, or None if it has no `workers` setting."""
    try:
        gateway = stack.enter_context(Gateway(rig.load, rig.broker, settings={"workers": workers}))
    except AssertionError as error:  # it exited before it was ready; the text is its log
        if "workers: is not a key" in str(error):
            return None
        raise
    gateway.wait_until_up(workers)
    return gateway


def _event(workers):
    """Return the event name of one gateway; both gateways consume all events."""
    return f"with{workers}"


def _cost(rig, number, workers, gateway, peers):
    rig.step(f"{workers} workers, round {number + 1}")
    name = _event(workers)
    return run(gateway, peers, lambda count: gateway.publish(name, count), RATE, 1, rig.plan.seconds).cost
