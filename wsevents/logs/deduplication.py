"""What is said again and again is said once, then counted.

Rule 1: lines are alike if they are of the same level and logger, come from the same place, and their
texts differ in addresses, identifiers and long numbers only; short ones are names: `worker 2`, `listen[1]`.
Rule 2: the first of its like is written at once. Those that follow within a minute are counted; the
minute over, the last of them is written with the number, and another minute begins.
Rule 3: there are so many kinds and no more; beyond, all of one logger and level are alike.
Rule 4: only warnings and worse are folded: what goes its usual way is told each time.
Rule 5: when a logger says that its trouble is over, what was counted of it is written before that, and
the next of its like is news.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, evolve, field

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.logs.record import LogLine

WINDOW = 60.0
"""Seconds in which lines that are alike are counted."""
KINDS = 200
"""Kinds of lines that are told apart at a time."""
_LOUD = frozenset({"warn", "error", "critical"})
_LONGEST = 1000
_VARYING = re.compile(
    r"\b(?=[0-9a-f-]*\d)[0-9a-f]{8}(?:[0-9a-f-]*[0-9a-f])?\b"  # identifiers
    r"|\b[0-9a-f]{0,4}:[0-9a-f:]*:[0-9a-f:.]*"  # IPv6 addresses
    r"|\d+(?:\.\d+)+|\d{3,}"
)


def message_kind(text: str) -> str:
    """Return what a text has in common with those that are like it."""
    return _VARYING.sub("#", text[:_LONGEST])


@define
class Repetition:
    """Lines that are alike.

    Attributes:
        last: the last of them.
        since: when its minute began.
        count: those that were not written.
    """

    last: LogLine
    since: float
    count: int = 0


@define
class Deduplicator:
    """Remembers what was said. Times are of a clock that only goes forward."""

    _runs: dict[Hashable, Repetition] = field(init=False, factory=dict)  # in the order of their `since`

    def takes(self, line: LogLine, place: str, now: float) -> bool:
        """Say whether a line is to be written now; `place` is where what it tells of happened, if known."""
        if line.level not in _LOUD:
            return True
        key: Hashable = (line.level, line.who, line.worker, message_kind(line.text), place)
        if key not in self._runs and len(self._runs) >= KINDS:
            key = (line.level, line.who)
        run = self._runs.get(key)
        if run is None:
            self._runs[key] = Repetition(line, now)
            return True
        run.last, run.count = line, run.count + 1
        return False

    def due(self, now: float) -> list[LogLine]:
        """Return what is to be written of those whose minute is over."""
        over = []
        for key, run in self._runs.items():
            if now - run.since < WINDOW:
                break
            over.append((key, run))
        for key, run in over:
            del self._runs[key]
            if run.count:
                self._runs[key] = Repetition(run.last, now)
        return [_summary(run, now) for _, run in over if run.count]

    def over(self, line: LogLine, now: float) -> list[LogLine]:
        """Return what is to be written of the logger of a line, and forget it."""
        ended = [key for key, run in self._runs.items() if _speaker(run.last) == _speaker(line)]
        runs = [self._runs.pop(key) for key in ended]
        return [_summary(run, now) for run in runs if run.count]

    def rest(self, now: float) -> list[LogLine]:
        """Return what is to be written of all, and forget them."""
        runs, self._runs = self._runs, {}
        return [_summary(run, now) for run in runs.values() if run.count]


def _speaker(line: LogLine) -> tuple[str, int | None]:
    return line.who, line.worker


def _summary(run: Repetition, now: float) -> LogLine:
    seconds = max(1, round(now - run.since))
    text = f"{run.last.text[:_LONGEST]} (… and {run.count} more like it in {seconds} s)"
    return evolve(run.last, text=text, trace="", fields={**run.last.fields, "repeated": run.count})
