"""A token bucket: how fast one peer may speak. It knows no clock; the time is passed in."""

from __future__ import annotations

from attrs import define

BURST_SECONDS = 10
"""A peer that was silent may send this many seconds' worth at once."""


@define(eq=False)
class TokenBucket:
    """Allows `rate` messages a second for long, and ten seconds' worth at once; rate 0: any number."""

    rate: float
    _level: float = 0.0
    _since: float = 0.0

    def take(self, now: float) -> float:
        """Count one message; return how many seconds the peer must wait before its next one."""
        if not self.rate:
            return 0.0
        self._level = max(0.0, self._level - (now - self._since) * self.rate) + 1
        self._since = now
        return max(0.0, self._level / self.rate - BURST_SECONDS)
