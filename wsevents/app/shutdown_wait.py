"""Waiting for something to be over, but not for ever, and shorter once somebody is in a hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import CancelledError

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


@define(eq=False)
class ShutdownWait:
    """Waits for one thing at a time.

    Attributes:
        reactor: time.
        hurried: whether it is to hurry.
    """

    reactor: Any
    hurried: bool = field(init=False, default=False)
    _timer: Any = field(init=False, default=None)
    _short: float = field(init=False, default=0.0)

    async def wait(self, awaited: Deferred[None], seconds: float, short: float = 0.0) -> None:
        """Wait until that fires, but so many seconds at most; `short` is for when it is to hurry."""
        self._short = short
        self._timer = self.reactor.callLater(short if self.hurried else seconds, awaited.cancel)
        try:
            await awaited
        except CancelledError:
            pass  # long enough
        finally:
            timer, self._timer = self._timer, None
            if timer.active():
                timer.cancel()

    def hurry(self) -> None:
        """Wait no longer than is short from now on."""
        self.hurried = True
        if self._timer is not None:
            left = self._timer.getTime() - self.reactor.seconds()
            self._timer.reset(max(min(left, self._short), 0.0))
