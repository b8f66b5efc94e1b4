"""A token bucket that limits the message rate of one peer. Pure: the caller passes the time."""

from __future__ import annotations

from attrs import define

BURST_SECONDS = 10
"""The largest burst, in seconds of the rate."""


@define(eq=False)
class TokenBucket:
    """Allows `rate` messages per second, and bursts of `BURST_SECONDS` times the rate; rate 0: no limit."""

    rate: float
    _level: float = 0.0
    _since: float = 0.0

    def take(self, now: float) -> float:
        """Count one message; return the seconds to wait before reading the next one."""
        if not self.rate:
            return 0.0
        self._level = max(0.0, self._level - (now - self._since) * self.rate) + 1
        self._since = now
        return max(0.0, self._level / self.rate - BURST_SECONDS)
