"""Decide when a worker is slow, stuck or hopeless, from the health requests that it does not answer.

The supervisor sends a health request to each worker once per round. Rounds are counted instead of seconds,
so that a pause of the supervisor itself does not count against the workers.

Rule 1: a worker that has not answered for `SLOW_ROUNDS` gets new connections only if all others are slow.
Rule 2: a worker that has not answered for `STUCK_ROUNDS` is killed and restarted.
Rule 3: a worker that still runs after `HOPELESS_ROUNDS` cannot be killed; the supervisor is unhealthy.
"""

from __future__ import annotations

from attrs import define, field

ROUND_SECONDS = 1.0
"""Interval between two rounds."""
SLOW_ROUNDS = 5
STUCK_ROUNDS = 30
HOPELESS_ROUNDS = 60


@define
class Liveness:
    """The unanswered health requests of one worker.

    Attributes:
        unanswered: number of rounds since the last answer.
    """

    unanswered: int = field(init=False, default=0)

    def begin_round(self) -> None:
        """Count a health request that the worker has not answered yet."""
        self.unanswered += 1

    def answered(self) -> None:
        """Reset the count: the worker has answered."""
        self.unanswered = 0

    @property
    def slow(self) -> bool:
        """True in the one round in which the worker becomes slow."""
        return self.unanswered == SLOW_ROUNDS + 1

    @property
    def stuck(self) -> bool:
        """True in the one round in which the worker becomes stuck and must be killed."""
        return self.unanswered == STUCK_ROUNDS + 1

    @property
    def hopeless(self) -> bool:
        """True if the worker was killed long ago and still runs."""
        return self.unanswered > HOPELESS_ROUNDS
