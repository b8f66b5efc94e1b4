"""The memory that waits for slow peers, in total. An object that several queues share counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable


class Queue(Protocol):
    """The part of a peer's send queue that the budget uses."""

    size: int

    def give_up(self, why: str) -> None:
        """Drop the queued messages and end the session as too slow."""


@define(eq=False)
class SendBudget:
    """The queues of the peers that are behind, and the memory that they use.

    Attributes:
        limit: most bytes; above it, `relieve` ends the sessions with the largest queues.
        size: bytes that wait now.
        behind: the queues, in the order in which they fell behind.
    """

    limit: int
    size: int = field(init=False, default=0)
    behind: dict[Queue, None] = field(init=False, factory=dict)
    _holders: dict[int, int] = field(init=False, factory=dict)

    def enter(self, queue: Queue, pieces: Iterable[bytes | memoryview]) -> None:
        """Add a queue that has fallen behind, with the pieces in it."""
        self.behind[queue] = None
        for piece in pieces:
            self.hold(piece)

    def leave(self, queue: Queue, pieces: Iterable[bytes | memoryview]) -> None:
        """Remove a queue that has caught up or ended, with the pieces in it."""
        if queue in self.behind:
            del self.behind[queue]
            self.release(pieces)

    def hold(self, piece: bytes | memoryview) -> None:
        """Count one more queue that holds this object; objects are compared by identity."""
        holders = self._holders.get(id(piece), 0)
        if not holders:
            self.size += len(piece)
        self._holders[id(piece)] = holders + 1

    def release(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Count one queue less for each of these objects."""
        for piece in pieces:
            holders = self._holders[id(piece)] - 1
            if holders:
                self._holders[id(piece)] = holders
            else:
                del self._holders[id(piece)]
                self.size -= len(piece)

    def relieve(self) -> None:
        """End the sessions with the largest queues until the total is within the limit."""
        for worst in sorted(self.behind, key=lambda queue: queue.size, reverse=True):
            if self.size <= self.limit:
                return
            worst.give_up("all queues together are over outbound.total_bytes")
