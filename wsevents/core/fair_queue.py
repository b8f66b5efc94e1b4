"""A fair queue: one bounded line per key; the lines take turns."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")


@define(eq=False)
class FairQueue(Generic[T]):
    """Lines of items. Within a line the oldest item comes first; the lines take turns.

    Attributes:
        line_limit: most items in one line.
        total: most items in all lines.
    """

    line_limit: int
    total: int
    _lines: OrderedDict[Hashable, OrderedDict[T, None]] = field(init=False, factory=OrderedDict)
    _waiting: int = field(init=False, default=0)

    def join(self, line: Hashable, item: T) -> T | None:
        """Append an item to a line; return the item that is rejected for it, which may be the same, or None.

        A full line rejects the new item. If all lines together are full, the last item of the longest line is
        rejected, provided that the line stays longer than the new item's. Otherwise the new item is rejected.
        """
        length = len(self._lines.get(line, ()))
        if length >= self.line_limit:
            return item
        displaced = None
        if self._waiting >= self.total:
            longest = max(self._lines, key=lambda name: len(self._lines[name]))
            if len(self._lines[longest]) < length + 2:
                return item
            displaced, _ = self._lines[longest].popitem()
            self._waiting -= 1
        self._lines.setdefault(line, OrderedDict())[item] = None
        self._waiting += 1
        return displaced

    def next(self) -> T | None:
        """Remove and return the next item, or return None if no item waits."""
        if not self._lines:
            return None
        name, line = next(iter(self._lines.items()))
        item, _ = line.popitem(last=False)
        self._waiting -= 1
        if line:
            self._lines.move_to_end(name)
        else:
            del self._lines[name]
        return item

    def leave(self, line: Hashable, item: T) -> None:
        """Remove an item from its line, if it is in it."""
        items = self._lines.get(line)
        if items is None or item not in items:
            return
        del items[item]
        self._waiting -= 1
        if not items:
            del self._lines[line]

    def __len__(self) -> int:
        return self._waiting
