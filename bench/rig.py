"""What the measures share: how much to measure, with what, and how a result looks."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, field, frozen

from bench import processes
from bench.events import SIZE, pace


@frozen(kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        peers: of a server, where nothing else is said.
        few, many: peers between whom one is looked for.
        stalled: peers of all that stop reading.
        rounds: each takes turns between those that are compared; what counts is the median.
        seconds: that one run of a round publishes.
        messages: that nobody wants.
        settle: seconds after peers have come, before anything is measured.
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
    """What a measure is given.

    Attributes:
        plan: how much to measure.
        load: the compiled load generator.
        broker: a running RabbitMQ.
        files: how many files a process may have open.
        step: called with a few words before each step.
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
        what: was measured.
        unit: of the next two; "" for those that have none.
        ours, peer: what this gateway came to, and what it is compared with; None: was not measured.
        ratio: of both, the median of the rounds.
        bar: the ratio must not be more.
        note: what there is to say besides, for example why it was not measured.
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
        """Say whether the bar is met."""
        if self.ratio is None:
            return "not measured"
        return "met" if self.ratio <= self.bar else "missed"


def compare(what, unit, bar, pairs, note=""):
    """Return the row of rounds, each of which has two figures: ours and the peer's."""
    ours, peer = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(mine / theirs for mine, theirs in pairs)
    return Row(what=what, unit=unit, bar=bar, ours=ours, peer=peer, ratio=ratio, note=note)


@frozen
class Result:
    """What a measure found.

    Attributes:
        rows: for the table.
        raw: all figures, for the file.
    """

    rows: list[Row]
    raw: dict[str, Any] = field(factory=dict)

    def as_json(self):
        """Return what is kept of it."""
        return {"rows": [{**asdict(row), "verdict": row.verdict} for row in self.rows], "raw": self.raw}


@frozen
class Run:
    """Events published for some peers, and what became of them.

    Attributes:
        cost: CPU microseconds of the server's processes for each delivered event.
        sent, received: microseconds since 1970, for each delivered event.
        report: of the load generator.
    """

    cost: float
    sent: list[int]
    received: list[int]
    report: dict[str, Any]

    @property
    def latencies(self):
        """Microseconds from the publisher to the peer, the shortest first."""
        return sorted(map(int.__sub__, self.received, self.sent))


def percentile(ordered, part):
    """Return the value below which this part of them is."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def run(server, peers, publish, rate, burst, seconds, reading=None, *, complete=True):
    """Publish for some of a server's peers and wait until those who are reading have got everything.

    `publish` takes how many events. Raises RuntimeError when they do not, unless that may be.
    """
    peers.begin()
    pids = server.pids
    before = processes.cpu(pids)
    published = pace(lambda _, count: publish(count), rate, burst, seconds)
    expected = published * (peers.count if reading is None else reading)
    report = peers.wait(expected, 30)
    spent = processes.cpu(pids) - before
    if complete and report["samples"] != expected:
        raise RuntimeError(f"{expected} events should have come to the peers of {server.name}: {report}")
    return Run(spent / max(1, report["samples"]) * 1e6, *peers.samples(), report)


WEIGHT = f"{SIZE}-byte JSON events"
