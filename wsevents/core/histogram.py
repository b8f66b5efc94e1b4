"""A histogram of durations, in fixed buckets."""

from __future__ import annotations

from bisect import bisect_left

from attrs import define, field

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets, in seconds, inclusive. An additional last bucket has no bound."""


@define
class Histogram:
    """Observed durations.

    Attributes:
        counts: observations per bucket, not cumulative.
        sum: sum of all observations, in seconds.
    """

    counts: list[int] = field(factory=lambda: [0] * (len(SECONDS) + 1))
    sum: float = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """Add `times` observations of a duration; a negative one, after a clock change, counts as 0."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(SECONDS, seconds)] += times
        self.sum += seconds * times

    def __add__(self, other: Histogram) -> Histogram:
        """Return a histogram with the observations of both."""
        counts = [left + right for left, right in zip(self.counts, other.counts, strict=True)]
        return Histogram(counts, self.sum + other.sum)
