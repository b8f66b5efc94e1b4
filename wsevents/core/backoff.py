"""Exponential back-off with jitter: the delays between the attempts of a client. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from wsevents.api.settings import positive

if TYPE_CHECKING:
    from random import Random

_DOUBLINGS = 64
"""Most doublings that are computed, so that the power cannot overflow."""


@define
class Backoff:
    """The delays of one client.

    Each delay is random, between half of an upper bound and the bound. The bound doubles with each delay.

    Attributes:
        entropy: source of the random numbers.
        first: the first bound, in seconds.
        longest: the largest bound, in seconds.
    """

    entropy: Random = field(repr=False)
    first: float = field(default=1.0, validator=positive)
    longest: float = field(default=32.0, validator=positive)
    _tries: int = field(init=False, default=0)

    def next(self) -> float:
        """Return the seconds to wait before the next attempt."""
        bound = min(self.longest, self.first * 2.0 ** min(self._tries, _DOUBLINGS))
        self._tries += 1
        return bound * (1 + self.entropy.random()) / 2

    def reset(self) -> None:
        """Start again with the first bound, after a success."""
        self._tries = 0
