"""When a worker that ended is started again.

Rule: at once, and then after 1, 2, 4 … 32 seconds, for as long as it keeps ending soon after its start.
One that has lived for a minute is forgiven what was before.
"""

from __future__ import annotations

from attrs import define, field

STEADY_SECONDS = 60.0
"""A worker that has lived so long ended for a reason of its own, not because of how it was started."""
FIRST_SECONDS = 1.0
"""How long the second start waits."""
LONGEST_SECONDS = 32.0
"""How long a start waits at most."""


@define
class Restart:
    """What is remembered of the ends of one worker."""

    _wait: float = field(init=False, default=0.0)

    def ended(self, lived: float) -> float:
        """It lived for so many seconds; return after how many it is to be started again."""
        wait = 0.0 if lived >= STEADY_SECONDS else self._wait
        self._wait = min(max(2 * wait, FIRST_SECONDS), LONGEST_SECONDS)
        return wait
