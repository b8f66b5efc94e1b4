"""A needle in a haystack: the cost of an event that only one peer may see, by the number of peers."""

import time
from contextlib import ExitStack

from bench.gateway import Gateway
from bench.rig import Result, Row, compare, run

RATE = 200
SPARE = 200
"""Open files of a process in addition to those of its peers."""

QUIET = {"websocket": {"ping_interval": 0}}
"""Pings are off: they are a cost of the peers, not of the event."""


def steps(plan):
    """Return the number of steps."""
    return 2 + 2 * plan.rounds


def measure(rig):
    """Connect few and many peers, each of its own user, and publish events for one of them."""
    plan = rig.plan
    many = min(plan.many, rig.files - SPARE)
    what = f"CPU per event for 1 of {many} peers, against 1 of {plan.few}"
    if many < 2 * plan.few:
        return Result([Row(what=what, unit="µs", bar=1.5, note=f"the limit of open files is {rig.files}")])
    with ExitStack() as stack:
        sides = []
        for peers in (many, plan.few):
            rig.step(f"{peers} peers, each of its own user")
            gateway = stack.enter_context(Gateway(rig.load, rig.broker, users=peers, settings=QUIET))
            sides.append((gateway, stack.enter_context(gateway.join(_event(peers), peers, distinct=True))))
        time.sleep(plan.settle)
        rounds = [[_cost(rig, number, *side) for side in sides] for number in range(plan.rounds)]
    note = "" if many == plan.many else f"the limit of open files is {rig.files}"
    return Result([compare(what, "µs", 1.5, rounds, note)], {"rounds": rounds, "many": many})


def _event(peers):
    """Return the event name of one gateway; both gateways consume all events."""
    return f"of{peers}"


def _cost(rig, number, gateway, peers):
    rig.step(f"event for 1 of {peers.count} peers, round {number + 1}")

    def publish(count):
        gateway.publish_for(peers.count // 2, _event(peers.count), count)

    return run(gateway, peers, publish, RATE, 1, rig.plan.seconds / 2, reading=1).cost
