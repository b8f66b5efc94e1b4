"""A needle in a haystack: what an event costs that one peer of very many may see, and one of few."""

import time
from contextlib import ExitStack

from bench.gateway import Gateway
from bench.rig import Result, Row, compare, run

RATE = 200
SPARE = 200
"""Files that a process needs besides those of its peers."""

QUIET = {"websocket": {"ping_interval": 0}}
"""Pings are a cost of the peers, and not of the event."""


def steps(plan):
    """Return how many steps there will be."""
    return 2 + 2 * plan.rounds


def measure(rig):
    """Let few and many peers wait for an event each of its own user, and publish for one of them."""
    plan = rig.plan
    many = min(plan.many, rig.files - SPARE)
    what = f"CPU per event, 1 of {many} peers may see it, against 1 of {plan.few}"
    if many < 2 * plan.few:
        return Result([Row(what=what, unit="µs", bar=1.5, note=f"only {rig.files} open files are allowed")])
    with ExitStack() as stack:
        sides = []
        for peers in (many, plan.few):
            rig.step(f"{peers} peers of as many users")
            gateway = stack.enter_context(Gateway(rig.load, rig.broker, users=peers, settings=QUIET))
            sides.append((gateway, stack.enter_context(gateway.join(_event(peers), peers, distinct=True))))
        time.sleep(plan.settle)
        rounds = [[_cost(rig, number, *side) for side in sides] for number in range(plan.rounds)]
    note = "" if many == plan.many else f"more than {rig.files} open files are not allowed"
    return Result([compare(what, "µs", 1.5, rounds, note)], {"rounds": rounds, "many": many})


def _event(peers):
    """Return the name of the events that only the peers of this gateway listen to: both get all of them."""
    return f"of{peers}"


def _cost(rig, number, gateway, peers):
    rig.step(f"1 of {peers.count} peers may see it, round {number + 1}")

    def publish(count):
        gateway.publish_for(peers.count // 2, _event(peers.count), count)

    return run(gateway, peers, publish, RATE, 1, rig.plan.seconds / 2, reading=1).cost
