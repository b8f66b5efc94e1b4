"""A heap of deadlines. Pure: the caller passes the time."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeAlias, TypeVar

from attrs import define, field

K = TypeVar("K")


@define(eq=False)
class _Slot(Generic[K]):
    """The key of a deadline; None after it was replaced or cleared, so that the heap keeps no key alive."""

    key: K | None


_Entry: TypeAlias = tuple[float, int, _Slot[K]]
"""A deadline: time, serial number, key. A tuple, because the heap compares tuples fast."""


@define(eq=False)
class Deadlines(Generic[K]):
    """At most one deadline per key. Each operation takes O(log n)."""

    _current: dict[K, _Entry[K]] = field(init=False, factory=dict)
    _heap: list[_Entry[K]] = field(init=False, factory=list)
    _settings: int = field(init=False, default=0)

    def set(self, key: K, at: float) -> None:
        """Set the deadline of a key; it replaces an earlier one."""
        self.clear(key)
        self._settings += 1
        entry = self._current[key] = (at, self._settings, _Slot(key))
        heappush(self._heap, entry)

    def clear(self, key: K) -> None:
        """Remove the deadline of a key, if it has one."""
        entry = self._current.pop(key, None)
        if entry is not None:
            entry[2].key = None
            if len(self._heap) > 2 * len(self._current) + 64:
                self._compact()

    @property
    def settings(self) -> int:
        """The number of calls of `set` so far, for `due`."""
        return self._settings

    def next(self) -> float | None:
        """Return the time of the earliest deadline, or None if there are no deadlines."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, settings: int) -> K | None:
        """Remove the earliest deadline if it is due and return its key; otherwise return None.

        Args:
            now: the time.
            settings: value of `settings` before the caller's loop. The loop ends at a deadline that was set
                later; otherwise a callback that sets a deadline in the past would keep the loop running.
        """
        self._skip_stale()
        if not self._heap:
            return None
        at, number, slot = self._heap[0]
        if at > now or number > settings:
            return None
        heappop(self._heap)
        key = slot.key
        assert key is not None  # noqa: S101 it is not stale
        del self._current[key]
        return key

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: K) -> bool:
        return key in self._current

    def _skip_stale(self) -> None:
        while self._heap and self._heap[0][2].key is None:
            heappop(self._heap)

    def _compact(self) -> None:
        """Remove replaced and cleared deadlines, so that they do not use memory without bound."""
        self._heap = list(self._current.values())
        heapify(self._heap)
