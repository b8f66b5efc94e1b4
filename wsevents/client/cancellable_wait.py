"""What a client waits for between two states, and what cuts it short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure


@define(eq=False)
class CancellableWait:
    """One thing at a time that is waited for, such as a connection or a delay."""

    _waiting: Deferred[Any] | None = field(init=False, default=None)

    async def until(self, waiting: Deferred[Any]) -> Failure | None:
        """Wait for something that `cut` may cancel; return why it failed, if it did."""
        self._waiting = waiting
        failed: list[Failure] = []
        await waiting.addErrback(failed.append)
        self._waiting = None
        return failed[0] if failed else None

    def cut(self) -> None:
        """Wait no longer, if it does."""
        if self._waiting is not None:
            self._waiting.cancel()
