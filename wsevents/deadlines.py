"""A heap of deadlines: when, and whom. It knows no clock; the time is passed in."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K")


@define(eq=False)
class Deadlines(Generic[K]):
    """At most one deadline for each key; setting, clearing and the next one take O(log n)."""

    _current: dict[K, tuple[float, int]] = field(init=False, factory=dict)
    _heap: list[tuple[float, int, K]] = field(init=False, factory=list)
    _order: Iterator[int] = field(init=False, factory=count)

    def set(self, key: K, at: float) -> None:
        """Put the key's deadline at this time, in place of an earlier setting."""
        number = next(self._order)
        self._current[key] = (at, number)
        heappush(self._heap, (at, number, key))
        if len(self._heap) > 2 * len(self._current) + 64:
            self._compact()

    def clear(self, key: K) -> None:
        """Forget the key's deadline, if it has one."""
        self._current.pop(key, None)

    def next(self) -> float | None:
        """Return the time of the earliest deadline, or None."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> K | None:
        """Remove and return one key whose deadline has come, the earliest first; or None."""
        self._skip_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        key = heappop(self._heap)[2]
        del self._current[key]
        return key

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: K) -> bool:
        return key in self._current

    def _skip_stale(self) -> None:
        while self._heap and self._is_stale(self._heap[0]):
            heappop(self._heap)

    def _is_stale(self, entry: tuple[float, int, K]) -> bool:
        at, number, key = entry
        return self._current.get(key) != (at, number)

    def _compact(self) -> None:
        """Drop what was replaced or cleared, so that memory follows what is set."""
        self._heap = [(at, number, key) for key, (at, number) in self._current.items()]
        heapify(self._heap)
