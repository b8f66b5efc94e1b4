"""Whether the process gets round to things: a beat that comes late says that it did nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.application.service import Service

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

BEAT_SECONDS = 0.5
"""Between two beats."""
LATE_SECONDS = 0.1
"""A beat that is later than this is a stall."""


@define(eq=False)
class StallDetector(Service):
    """Beats, and counts what comes late.

    Attributes:
        clock: makes the beats.
        stalls: how many came late.
        stalled: seconds that these were late, together.
    """

    clock: IReactorTime
    stalls: int = field(init=False, default=0)
    stalled: float = field(init=False, default=0.0)
    _due: float = field(init=False, default=0.0)
    _call: IDelayedCall | None = field(init=False, default=None)

    def startService(self) -> None:
        """Begin to beat."""
        super().startService()
        self._wait()

    def stopService(self) -> None:
        """Beat no more."""
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wait(self) -> None:
        self._due = self.clock.seconds() + BEAT_SECONDS
        self._call = self.clock.callLater(BEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        late = self.clock.seconds() - self._due
        if late > LATE_SECONDS:
            self.stalls += 1
            self.stalled += late
        self._wait()
