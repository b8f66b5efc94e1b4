"""Detects a blocked event loop: a periodic timer that fires late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.application.service import Service

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

INTERVAL_SECONDS = 0.5
"""Between two ticks."""
STALL_SECONDS = 0.1
"""The delay from which a tick counts as a stall."""


@define(eq=False)
class StallDetector(Service):
    """Counts the ticks of a timer that come late.

    Attributes:
        clock: schedules the ticks.
        stalls: the number of late ticks.
        stalled: their total delay in seconds.
    """

    clock: IReactorTime
    stalls: int = field(init=False, default=0)
    stalled: float = field(init=False, default=0.0)
    _due: float = field(init=False, default=0.0)
    _call: IDelayedCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        self._wait()

    def stopService(self) -> None:
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wait(self) -> None:
        self._due = self.clock.seconds() + INTERVAL_SECONDS
        self._call = self.clock.callLater(INTERVAL_SECONDS, self._tick)

    def _tick(self) -> None:
        late = self.clock.seconds() - self._due
        if late > STALL_SECONDS:
            self.stalls += 1
            self.stalled += late
        self._wait()
