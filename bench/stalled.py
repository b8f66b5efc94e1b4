"""Peers that stop reading: what they do to the others, what they cost in memory, and how they end."""

import re
import time
from threading import Event, Thread

from bench import processes
from bench.gateway import Gateway
from bench.rig import Result, Row, compare, percentile, run

SIZE = 10_000
RATE = 8
BUFFER = 65_536
"""Bytes of the receive buffer of each peer's socket."""

OVERFLOW = 1.6
"""The stalled are sent so many times what may wait for each, so that they must be found out."""

PEER_BYTES = 1_048_576
MEGABYTE = 1_000_000
PATIENCE = 20
"""Seconds until the last of them is gone, the closing timeout included."""

TOO_SLOW = re.compile(r"session over: .* 1013 ")
OTHERS = re.compile(r"session over: .*; (?!1013 )")


def rounds_of(plan):
    """Return how many rounds there are: one with is long."""
    return min(3, plan.rounds)


def steps(plan):
    """Return how many steps there will be."""
    return 2 * rounds_of(plan)


def measure(rig):
    """Publish large events, with all peers reading and with some that do not."""
    plan = rig.plan
    rounds = []
    with Gateway(rig.load, rig.broker, settings={"outbound": {"peer_bytes": PEER_BYTES}}) as gateway:
        for number in range(rounds_of(plan)):
            found = {}
            for name, stalled in (("without", 0), ("with", plan.stalled)):
                rig.step(f"{stalled} of {plan.peers} peers stop reading, round {number + 1}")
                found[name] = _run(rig, gateway, stalled)
            rounds.append(found)
    return Result(_rows(plan, rounds), {"rounds": rounds})


def _rows(plan, rounds):
    whole = plan.stalled * PEER_BYTES / MEGABYTE
    grown = max(each["with"]["grown"] for each in rounds)
    lost = sum(abs(plan.stalled - each["with"]["too slow"]) + each["without"]["too slow"] for each in rounds)
    others = sum(each[name]["others lost"] for each in rounds for name in ("with", "without"))
    pairs = [(each["with"]["p99"], each["without"]["p99"]) for each in rounds]
    return [
        compare(f"{plan.stalled} of {plan.peers} peers stop reading: p99 of the others", "ms", 1.5, pairs),
        Row(
            what="the same: most memory that it took, against what may wait for them",
            unit="MB",
            bar=1.0,
            ours=grown,
            peer=whole,
            ratio=grown / whole,
        ),
        Row(
            what="the same: stalled peers not closed as too slow, and others closed",
            unit="",
            bar=0.0,
            ours=float(lost + others),
            ratio=float(lost + others),
        ),
    ]


def _run(rig, gateway, stalled):
    plan = rig.plan
    seconds = OVERFLOW * PEER_BYTES / SIZE / RATE if stalled else plan.seconds
    with gateway.join("large", plan.peers, buffer=BUFFER) as peers:
        peers.ignore(plan.stalled)  # in both runs: it is the same others who are looked at
        peers.stall(stalled)
        time.sleep(plan.settle)
        since, before = len(gateway.log), processes.resident(gateway.pids)
        with Watch(gateway.pids) as watch:
            one = run(
                gateway,
                peers,
                lambda count: gateway.publish("large", count, SIZE),
                RATE,
                1,
                seconds,
                reading=plan.peers - plan.stalled,
                complete=False,  # if one of the others is lost, the table says so
            )
            ended = _wait_for_closings(gateway, since, stalled)
        others = max(one.report["closed"], len(OTHERS.findall(gateway.log[since:])))
    return {
        "p50": percentile(one.latencies, 0.5) / 1000,
        "p99": percentile(one.latencies, 0.99) / 1000,
        "cost": one.cost,
        "grown": (watch.most - before) / MEGABYTE,
        "too slow": ended,
        "others lost": others,
    }


def _wait_for_closings(gateway, since, expected):
    """Wait until so many peers were closed as too slow; return how many were."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = len(TOO_SLOW.findall(gateway.log[since:]))
        if found >= expected or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


class Watch:
    """Looks at the memory of processes while something goes on.

    Attributes:
        most: bytes, of all of them together.
    """

    def __init__(self, pids):
        self.most = processes.resident(pids)
        self._pids, self._over = pids, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.25):
            self.most = max(self.most, processes.resident(self._pids))
