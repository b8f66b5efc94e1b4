"""Write a repeated log line once, then count it.

Rule 1: lines are similar if level, logger and location are the same and the texts differ only in addresses,
identifiers and long numbers. Short numbers are part of names, such as `worker 2` or `listen[1]`.
Rule 2: the first of several similar lines is written at once; the others are counted for `WINDOW` seconds.
Then the last of them is written with the count, and a new window begins.
Rule 3: at most `MAX_KINDS` kinds are tracked. Beyond that, all lines of one logger and level are similar.
Rule 4: only warnings and worse are deduplicated.
Rule 5: when a logger reports that its problem is resolved, its counted lines are written first. The next
similar line is written at once again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, evolve, field

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.logs.record import LogLine

WINDOW = 60.0
"""Seconds during which similar lines are counted."""
MAX_KINDS = 200
"""Maximum number of kinds of lines that are tracked at a time."""
_DEDUPLICATED = frozenset({"warn", "error", "critical"})
_MAX_TEXT = 1000
_VARYING = re.compile(
    r"\b(?=[0-9a-f-]*\d)[0-9a-f]{8}(?:[0-9a-f-]*[0-9a-f])?\b"  # identifiers
    r"|\b[0-9a-f]{0,4}:[0-9a-f:]*:[0-9a-f:.]*"  # IPv6 addresses
    r"|\d+(?:\.\d+)+|\d{3,}"
)


def message_kind(text: str) -> str:
    """Return a text with its addresses, identifiers and long numbers replaced by `#`."""
    return _VARYING.sub("#", text[:_MAX_TEXT])


@define
class Repetition:
    """Similar lines in one window.

    Attributes:
        last: the last of the lines.
        since: time at which the window began.
        count: number of lines that were not written.
    """

    last: LogLine
    since: float
    count: int = 0


@define
class Deduplicator:
    """Decides which lines are written. All times are seconds of a monotonic clock."""

    _repetitions: dict[Hashable, Repetition] = field(init=False, factory=dict)  # ordered by `since`

    def admits(self, line: LogLine, location: str, now: float) -> bool:
        """Return whether to write a line now; count it if not.

        `location` is where the logged failure occurred, or "".
        """
        if line.level not in _DEDUPLICATED:
            return True
        key: Hashable = (line.level, line.logger, line.worker, message_kind(line.text), location)
        if key not in self._repetitions and len(self._repetitions) >= MAX_KINDS:
            key = (line.level, line.logger)
        repetition = self._repetitions.get(key)
        if repetition is None:
            self._repetitions[key] = Repetition(line, now)
            return True
        repetition.last, repetition.count = line, repetition.count + 1
        return False

    def due(self, now: float) -> list[LogLine]:
        """Return the lines to write for the windows that have ended."""
        ended = []
        for key, repetition in self._repetitions.items():
            if now - repetition.since < WINDOW:
                break
            ended.append((key, repetition))
        for key, repetition in ended:
            del self._repetitions[key]
            if repetition.count:
                self._repetitions[key] = Repetition(repetition.last, now)
        return [_summary(repetition, now) for _, repetition in ended if repetition.count]

    def resolved(self, line: LogLine, now: float) -> list[LogLine]:
        """End the windows of the line's logger, and return the lines to write for them."""
        keys = [
            key for key, repetition in self._repetitions.items() if _source(repetition.last) == _source(line)
        ]
        ended = [self._repetitions.pop(key) for key in keys]
        return [_summary(repetition, now) for repetition in ended if repetition.count]

    def rest(self, now: float) -> list[LogLine]:
        """End all windows, and return the lines to write for them."""
        ended, self._repetitions = self._repetitions, {}
        return [_summary(repetition, now) for repetition in ended.values() if repetition.count]


def _source(line: LogLine) -> tuple[str, int | None]:
    return line.logger, line.worker


def _summary(repetition: Repetition, now: float) -> LogLine:
    last, seconds = repetition.last, max(1, round(now - repetition.since))
    text = f"{last.text[:_MAX_TEXT]} (… and {repetition.count} more like it in {seconds} s)"
    return evolve(last, text=text, trace="", fields={**last.fields, "repeated": repetition.count})
