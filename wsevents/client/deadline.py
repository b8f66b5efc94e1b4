"""The timeout for the next step of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime


@define(eq=False)
class Deadline:
    """A timeout; setting it replaces the previous one.

    Attributes:
        clock: schedules the call.
    """

    clock: IReactorTime
    _call: IDelayedCall | None = field(init=False, default=None)

    def set(self, seconds: float, on_timeout: Callable[[], object]) -> None:
        """Call `on_timeout` after these seconds, unless the timeout is cleared or set again before."""
        self.clear()
        self._call = self.clock.callLater(seconds, self._timed_out, on_timeout)

    def clear(self) -> None:
        """Cancel the timeout, if it is set."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _timed_out(self, on_timeout: Callable[[], object]) -> None:
        self._call = None
        on_timeout()
