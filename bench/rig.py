"""Types and functions that all measures use: plan, rig, rows of the table, results."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, field, frozen

from bench import processes
from bench.events import SIZE, pace


@frozen(kw_only=True)
class Plan:
    """The sizes and durations of the measures.

    Attributes:
        peers: number of peers of a server, unless a measure says otherwise.
        few, many: numbers of peers in `needle`.
        stalled: number of peers that stop reading in `stalled`.
        rounds: number of rounds; the servers take turns in each, and the result is the median.
        seconds: duration of one run.
        messages: number of messages in `consume`.
        settle: seconds to wait after the peers have connected.
    """

    peers: int = 1000
    few: int = 100
    many: int = 10_000
    stalled: int = 100
    rounds: int = 5
    seconds: float = 5.0
    messages: int = 20_000
    settle: float = 1.5


@frozen
class Rig:
    """The environment of a measure.

    Attributes:
        plan: sizes and durations.
        load: the compiled load generator.
        broker: a running RabbitMQ.
        files: limit of open files of a process.
        step: called with a description before each step.
    """

    plan: Plan
    load: Path
    broker: Any
    files: int
    step: Callable[[str], None]


@frozen(kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        what: the measured quantity.
        unit: of `ours` and `peer`; "" if they have none.
        ours, peer: the figures of the gateway and of the reference; None if not measured.
        ratio: of `ours` to `peer`, median of the rounds.
        bar: upper limit of the ratio.
        note: a remark for the reader, such as the reason why it was not measured.
    """

    what: str
    unit: str
    bar: float
    ours: float | None = None
    peer: float | None = None
    ratio: float | None = None
    note: str = ""

    @property
    def verdict(self):
        """The result: met, missed or not measured."""
        if self.ratio is None:
            return "not measured"
        return "met" if self.ratio <= self.bar else "missed"


def compare(what, unit, bar, pairs, note=""):
    """Return the row for rounds of two figures each: the gateway's and the reference's."""
    ours, peer = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(mine / theirs for mine, theirs in pairs)
    return Row(what=what, unit=unit, bar=bar, ours=ours, peer=peer, ratio=ratio, note=note)


@frozen
class Result:
    """The result of a measure.

    Attributes:
        rows: of the table.
        raw: all figures, for the file.
    """

    rows: list[Row]
    raw: dict[str, Any] = field(factory=dict)

    def as_json(self):
        """Return the content of the result file."""
        return {"rows": [{**asdict(row), "verdict": row.verdict} for row in self.rows], "raw": self.raw}


@frozen
class Run:
    """The result of one run: events that were published and delivered.

    Attributes:
        cost: CPU microseconds of the server's processes per delivered event.
        sent, received: microseconds since 1970, for each delivered event.
        report: the report of the load generator.
    """

    cost: float
    sent: list[int]
    received: list[int]
    report: dict[str, Any]

    @property
    def latencies(self):
        """Microseconds from the publisher to the peer, in ascending order."""
        return sorted(map(int.__sub__, self.received, self.sent))


def percentile(ordered, part):
    """Return a percentile of sorted values; `part` is from 0 to 1."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def run(server, peers, publish, rate, burst, seconds, reading=None, *, complete=True):
    """Publish events and wait until all peers that read have received all of them.

    Args:
        server: the server of the peers.
        peers: the connected peers.
        publish: publishes the given number of events.
        rate: events a second.
        burst: events at a time.
        seconds: duration.
        reading: number of peers that receive each event; None for all.
        complete: whether missing events are an error.

    Raises:
        RuntimeError: events are missing.
    """
    peers.begin()
    pids = server.pids
    before = processes.cpu(pids)
    published = pace(lambda _, count: publish(count), rate, burst, seconds)
    expected = published * (peers.count if reading is None else reading)
    report = peers.wait(expected, 30)
    spent = processes.cpu(pids) - before
    if complete and report["samples"] != expected:
        raise RuntimeError(f"{expected} events expected at the peers of {server.name}: {report}")
    return Run(spent / max(1, report["samples"]) * 1e6, *peers.samples(), report)


WEIGHT = f"{SIZE}-byte JSON events"
