"""A heap of deadlines: when, and whom. It knows no clock; the time is passed in."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeAlias, TypeVar

from attrs import define, field

K = TypeVar("K")


@define(eq=False)
class _Slot(Generic[K]):
    """The key of one setting; None once it was replaced or cleared, so that nothing is kept alive by it."""

    key: K | None


_Entry: TypeAlias = tuple[float, int, _Slot[K]]
"""One setting: when, the how manyth, and of what. A tuple, as heaps compare those quickly."""


@define(eq=False)
class Deadlines(Generic[K]):
    """At most one deadline for each key; setting, clearing and the next one take O(log n)."""

    _current: dict[K, _Entry[K]] = field(init=False, factory=dict)
    _heap: list[_Entry[K]] = field(init=False, factory=list)
    _settings: int = field(init=False, default=0)

    def set(self, key: K, at: float) -> None:
        """Put the key's deadline at this time, in place of an earlier setting."""
        self.clear(key)
        self._settings += 1
        entry = self._current[key] = (at, self._settings, _Slot(key))
        heappush(self._heap, entry)

    def clear(self, key: K) -> None:
        """Forget the key's deadline, if it has one."""
        entry = self._current.pop(key, None)
        if entry is not None:
            entry[2].key = None
            if len(self._heap) > 2 * len(self._current) + 64:
                self._compact()

    @property
    def settings(self) -> int:
        """How often a deadline was set, ever; `due` takes it to leave out what was set later."""
        return self._settings

    def next(self) -> float | None:
        """Return the time of the earliest deadline, or None."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, settings: int) -> K | None:
        """Remove and return one key whose deadline has come, the earliest first; or None.

        Args:
            now: the time.
            settings: what was set after so many settings is not due yet, nor what comes after it, so that
                one who sets what is due at once does not keep the caller for ever.
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
        """Drop what was replaced or cleared, so that memory follows what is set."""
        self._heap = list(self._current.values())
        heapify(self._heap)
