"""When a worker is taken for stuck, and when it is given up.

It is asked how it is in rounds, about a second apart. What counts is rounds, not time: when the supervisor
itself has stood still, nobody else is to blame for it.

Rule 1: one that has not answered for some rounds gets no newcomers as long as others do.
Rule 2: one that has not answered for many is killed, and started again.
Rule 3: one that is there even long after that is more than the supervisor can mend.
"""

from __future__ import annotations

from attrs import define, field

ROUND_SECONDS = 1.0
"""How long it is from one round to the next."""
SLOW_ROUNDS = 5
STUCK_ROUNDS = 30
HOPELESS_ROUNDS = 60


@define
class Liveness:
    """What is remembered of one worker.

    Attributes:
        silent: rounds since it last answered.
    """

    silent: int = field(init=False, default=0)

    def begin_round(self) -> None:
        """One more round, and it has not answered yet."""
        self.silent += 1

    def answered(self) -> None:
        """It is there."""
        self.silent = 0

    @property
    def slow(self) -> bool:
        """Whether others are to have the newcomers from now on: said once."""
        return self.silent == SLOW_ROUNDS + 1

    @property
    def stuck(self) -> bool:
        """Whether it is to be killed now: said once."""
        return self.silent == STUCK_ROUNDS + 1

    @property
    def hopeless(self) -> bool:
        """Whether it should be gone and is not."""
        return self.silent > HOPELESS_ROUNDS
