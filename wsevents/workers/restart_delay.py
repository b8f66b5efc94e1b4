"""The delay before a worker that has exited is restarted.

Rule: the first restart is immediate. If the worker keeps exiting soon after its start, the delays are
1, 2, 4 … 32 seconds. A worker that ran for `STEADY_SECONDS` resets the delay.
"""

from __future__ import annotations

from attrs import define, field

STEADY_SECONDS = 60.0
"""A worker that ran for this long did not exit because of a problem at its start."""
FIRST_SECONDS = 1.0
"""The delay before the second restart."""
LONGEST_SECONDS = 32.0
"""The maximum delay."""


@define
class RestartDelay:
    """The restart delay of one worker."""

    _delay: float = field(init=False, default=0.0)

    def after(self, lifetime: float) -> float:
        """Return the seconds to wait before the restart of a worker that ran for `lifetime` seconds."""
        delay = 0.0 if lifetime >= STEADY_SECONDS else self._delay
        self._delay = min(max(2 * delay, FIRST_SECONDS), LONGEST_SECONDS)
        return delay
