"""One timer for the whole server, over a heap of deadlines.

The gateway runs two: *expiry* on wall time, for what tokens and sessions ask to be woken for, and
*keepalive* on the reactor's time, for pings, handshakes and closing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define, field
from twisted.application.service import Service
from twisted.logger import Logger

from wsevents.core.deadlines import Deadlines

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

Ring = Callable[[str], None]
_log = Logger()


@define(eq=False)
class Timers(Service):
    """Rings at set times; one that raises does not stop the others.

    Attributes:
        clock: makes the timer.
        now: the time that alarms are set in.
        longest: the timer looks again after at most so many seconds, so that a clock that was put
            forward is noticed; 0: this clock is never set.
    """

    clock: IReactorTime
    now: Callable[[], float]
    longest: float = 0.0
    _deadlines: Deadlines[tuple[Ring, str]] = field(init=False, factory=Deadlines)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _timer_at: float = field(init=False, default=0.0)

    def set(self, ring: Ring, name: str, at: float) -> None:
        """Call `ring(name)` at this time; replaces an earlier setting of the two."""
        self._deadlines.set((ring, name), at)
        self._wind()

    def after(self, ring: Ring, name: str, seconds: float) -> None:
        """Call `ring(name)` so many seconds from now; replaces an earlier setting of the two."""
        self.set(ring, name, self.now() + seconds)

    def has(self, ring: Ring, name: str) -> bool:
        """Say whether one is set."""
        return (ring, name) in self._deadlines

    def clear(self, ring: Ring, name: str) -> None:
        """Do not ring."""
        self._deadlines.clear((ring, name))

    def startService(self) -> None:
        """Begin to ring, what was set before included."""
        super().startService()
        self._wind()

    def stopService(self) -> None:
        """Ring no more."""
        super().stopService()
        self._unwind()

    def _wind(self) -> None:
        """Have the timer go off at the next deadline, unless it goes off sooner anyway."""
        at = self._deadlines.next()
        if at is None or not self.running:
            return
        wait = max(0.0, at - self.now())
        if self.longest:
            wait = min(wait, self.longest)
        goes_off = self.clock.seconds() + wait
        if self._timer is not None:
            if self._timer_at <= goes_off:
                return
            self._timer.cancel()
        self._timer, self._timer_at = self.clock.callLater(wait, self._go_off), goes_off

    def _unwind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_off(self) -> None:
        self._timer = None
        now, settings = self.now(), self._deadlines.settings
        try:
            while (alarm := self._deadlines.due(now, settings)) is not None:
                _ring(*alarm)
        finally:
            self._wind()


def _ring(ring: Ring, name: str) -> None:
    try:
        ring(name)
    except Exception:  # noqa: BLE001 one peer's mistake is not another's
        _log.failure("the alarm {name} failed", name=name)
