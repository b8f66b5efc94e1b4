"""Peers that stop reading: the latency of the others, the memory, and the closing of stalled peers."""

import re
import time
from threading import Event, Thread

from bench import processes
from bench.gateway import Gateway
from bench.rig import Result, Row, compare, percentile, run

SIZE = 10_000
RATE = 8
BUFFER = 65_536
"""Size of each peer's receive buffer, in bytes."""

OVERFLOW = 1.6
"""Amount of data for each stalled peer, as a multiple of the limit of its send queue."""

PEER_BYTES = 1_048_576
MEGABYTE = 1_000_000
TIMEOUT = 20
"""Seconds until the last stalled peer is disconnected, including the closing timeout."""

TOO_SLOW = re.compile(r"session closed: .* 1013 ")
OTHERS = re.compile(r"session closed: .*; (?!1013 )")


def rounds_of(plan):
    """Return the number of rounds; a round with stalled peers takes long."""
    return min(3, plan.rounds)


def steps(plan):
    """Return the number of steps."""
    return 2 * rounds_of(plan)


def measure(rig):
    """Publish large events while all peers read, and while some do not."""
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
            what="the same: growth of memory, against the limit of their send queues",
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
        peers.ignore(plan.stalled)  # in both runs, so that both measure the same peers
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
                complete=False,  # the table has a row for lost peers
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
    """Wait until this number of peers was closed as too slow; return the actual number."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        found = len(TOO_SLOW.findall(gateway.log[since:]))
        if found >= expected or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


class Watch:
    """Records the maximum memory of processes during the block.

    Attributes:
        most: the maximum resident memory of all processes together, in bytes.
    """

    def __init__(self, pids):
        self.most = processes.resident(pids)
        self._pids, self._stopped = pids, Event()
        self._thread = Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()

    def _sample(self):
        while not self._stopped.wait(0.25):
            self.most = max(self.most, processes.resident(self._pids))
