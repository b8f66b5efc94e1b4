"""Timers of many peers on one delayed call of the reactor, over a heap of deadlines.

The gateway has two: *expiry* on wall time for tokens and sessions, and *keepalive* on the reactor's
clock for pings, handshakes and closing.
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

Callback = Callable[[str], None]
_log = Logger()


@define(eq=False)
class Timers(Service):
    """Calls functions at set times. An exception in one call is logged and does not stop the others.

    Attributes:
        clock: schedules the delayed call.
        now: the time in seconds that deadlines are set in.
        max_wait: seconds after which the deadlines are checked at the latest, so that a change of the
            wall clock is noticed; 0: this clock never jumps.
    """

    clock: IReactorTime
    now: Callable[[], float]
    max_wait: float = 0.0
    _deadlines: Deadlines[tuple[Callback, str]] = field(init=False, factory=Deadlines)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _timer_at: float = field(init=False, default=0.0)

    def set(self, callback: Callback, name: str, at: float) -> None:
        """Call `callback(name)` at this time; replaces an earlier deadline of the same two."""
        self._deadlines.set((callback, name), at)
        self._schedule()

    def after(self, callback: Callback, name: str, seconds: float) -> None:
        """Call `callback(name)` in so many seconds; replaces an earlier deadline of the same two."""
        self.set(callback, name, self.now() + seconds)

    def has(self, callback: Callback, name: str) -> bool:
        """Return whether a deadline is set."""
        return (callback, name) in self._deadlines

    def clear(self, callback: Callback, name: str) -> None:
        """Cancel a deadline; ignored if none is set."""
        self._deadlines.clear((callback, name))

    def startService(self) -> None:
        """Start; deadlines that were set before count too."""
        super().startService()
        self._schedule()

    def stopService(self) -> None:
        """Stop; deadlines stay set, but nothing is called."""
        super().stopService()
        self._cancel()

    def _schedule(self) -> None:
        """Schedule the delayed call for the next deadline, unless it is scheduled earlier."""
        at = self._deadlines.next()
        if at is None or not self.running:
            return
        wait = max(0.0, at - self.now())
        if self.max_wait:
            wait = min(wait, self.max_wait)
        fires_at = self.clock.seconds() + wait
        if self._timer is not None:
            if self._timer_at <= fires_at:
                return
            self._timer.cancel()
        self._timer, self._timer_at = self.clock.callLater(wait, self._fire), fires_at

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        now, settings = self.now(), self._deadlines.settings
        try:
            while (due := self._deadlines.due(now, settings)) is not None:
                _call(*due)
        finally:
            self._schedule()


def _call(callback: Callback, name: str) -> None:
    try:
        callback(name)
    except Exception:  # noqa: BLE001 an error of one peer must not affect others
        _log.failure("timer {name} failed", name=name)
