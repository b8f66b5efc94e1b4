"""The one thing that a client's connection waits for at a time, and not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime


@define(eq=False)
class Deadline:
    """When the patience ends that there is for the next step; a new one takes its place.

    Attributes:
        clock: time.
    """

    clock: IReactorTime
    _call: IDelayedCall | None = field(init=False, default=None)

    def set(self, seconds: float, late: Callable[[], object]) -> None:
        """Call `late` in so many seconds, unless it is cleared or set anew before."""
        self.clear()
        self._call = self.clock.callLater(seconds, self._due, late)

    def clear(self) -> None:
        """Have none."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _due(self, late: Callable[[], object]) -> None:
        self._call = None
        late()
