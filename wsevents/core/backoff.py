"""How long a client waits before it tries again: longer each time, and not all clients at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from wsevents.api.settings import positive

if TYPE_CHECKING:
    from random import Random

_DOUBLINGS = 64
"""After so many the longest wait is reached whatever the first was."""


@define
class Backoff:
    """The waits of one client.

    Each lies, by chance, between half of its span and the whole; the span doubles from wait to wait.

    Attributes:
        entropy: the chance.
        first: seconds of the first span.
        longest: seconds that no span goes over.
    """

    entropy: Random = field(repr=False)
    first: float = field(default=1.0, validator=positive)
    longest: float = field(default=32.0, validator=positive)
    _tries: int = field(init=False, default=0)

    def next(self) -> float:
        """Return the seconds to wait now."""
        span = min(self.longest, self.first * 2.0 ** min(self._tries, _DOUBLINGS))
        self._tries += 1
        return span * (1 + self.entropy.random()) / 2

    def reset(self) -> None:
        """Begin anew: all is well."""
        self._tries = 0
