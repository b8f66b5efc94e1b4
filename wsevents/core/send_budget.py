"""What waits for peers that do not read, all together: bytes that many queues share are there once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable


class Queue(Protocol):
    """A peer's queue, as the backlog knows it."""

    size: int

    def give_up(self, why: str) -> None:
        """Drop what waits and end the session as too slow."""


@define(eq=False)
class SendBudget:
    """The queues of the peers that are behind, and how much memory they hold.

    Attributes:
        limit: bytes; over it, those that are most behind have to go.
        size: bytes that wait now.
        behind: the queues, in the order in which they fell behind.
    """

    limit: int
    size: int = field(init=False, default=0)
    behind: dict[Queue, None] = field(init=False, factory=dict)
    _holders: dict[int, int] = field(init=False, factory=dict)

    def enter(self, queue: Queue, pieces: Iterable[bytes | memoryview]) -> None:
        """A peer has fallen behind, with these pieces in its queue."""
        self.behind[queue] = None
        for piece in pieces:
            self.hold(piece)

    def leave(self, queue: Queue, pieces: Iterable[bytes | memoryview]) -> None:
        """It is behind no longer, or is gone; these pieces were still in its queue."""
        if queue in self.behind:
            del self.behind[queue]
            self.release(pieces)

    def hold(self, piece: bytes | memoryview) -> None:
        """One more queue holds this very object."""
        holders = self._holders.get(id(piece), 0)
        if not holders:
            self.size += len(piece)
        self._holders[id(piece)] = holders + 1

    def release(self, pieces: Iterable[bytes | memoryview]) -> None:
        """One queue less holds each of them."""
        for piece in pieces:
            holders = self._holders[id(piece)] - 1
            if holders:
                self._holders[id(piece)] = holders
            else:
                del self._holders[id(piece)]
                self.size -= len(piece)

    def relieve(self) -> None:
        """Let the most behind go until the rest is within the limit."""
        for worst in sorted(self.behind, key=lambda queue: queue.size, reverse=True):
            if self.size <= self.limit:
                return
            worst.give_up("the queues of all together are over outbound.total_bytes")
