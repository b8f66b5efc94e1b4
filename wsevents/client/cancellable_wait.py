"""Waiting for a Deferred that another method can cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure


@define(eq=False)
class CancellableWait:
    """Waits for one Deferred at a time, such as a connection attempt or a delay."""

    _waiting: Deferred[Any] | None = field(init=False, default=None)

    async def until(self, waiting: Deferred[Any]) -> Failure | None:
        """Wait until the Deferred fires, or `cancel` cancels it; return its failure, or None."""
        self._waiting = waiting
        failures: list[Failure] = []
        await waiting.addErrback(failures.append)
        self._waiting = None
        return failures[0] if failures else None

    def cancel(self) -> None:
        """Cancel the Deferred, if there is a wait."""
        if self._waiting is not None:
            self._waiting.cancel()
