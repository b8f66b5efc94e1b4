"""Wait for a Deferred with a timeout that a second signal shortens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import CancelledError

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@define(eq=False)
class ShutdownWait:
    """Waits for one Deferred at a time.

    Attributes:
        reactor: time.
        expedited: whether waits use their short timeout.
    """

    reactor: Any
    expedited: bool = field(init=False, default=False)
    _timer: Any = field(init=False, default=None)
    _short_seconds: float = field(init=False, default=0.0)

    async def wait(self, awaited: Deferred[None], seconds: float, short_seconds: float = 0.0) -> None:
        """Wait until a Deferred fires, at most `seconds`, or `short_seconds` once expedited."""
        self._short_seconds = short_seconds
        self._timer = self.reactor.callLater(short_seconds if self.expedited else seconds, awaited.cancel)
        try:
            await awaited
        except CancelledError:
            pass  # the timeout
        finally:
            timer, self._timer = self._timer, None
            if timer.active():
                timer.cancel()

    def shorten(self) -> None:
        """Limit this wait and later ones to their short timeout."""
        self.expedited = True
        if self._timer is not None:
            left = self._timer.getTime() - self.reactor.seconds()
            self._timer.reset(max(min(left, self._short_seconds), 0.0))
