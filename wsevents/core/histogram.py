"""How long something took, many times: counts in buckets."""

from __future__ import annotations

from bisect import bisect_left

from attrs import define, field

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets, in seconds; one without a bound comes on top."""


@define
class Histogram:
    """Observations by bucket.

    Attributes:
        counts: of each bucket by itself; the last is for all above the last bound.
        sum: of all that was observed, in seconds.
    """

    counts: list[int] = field(factory=lambda: [0] * (len(SECONDS) + 1))
    sum: float = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count something that took so long, so many times; a clock that was put back makes it 0."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(SECONDS, seconds)] += times
        self.sum += seconds * times

    def __add__(self, other: Histogram) -> Histogram:
        """Return both in one."""
        counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        return Histogram(counts, self.sum + other.sum)
