"""Who waits for a turn: a short line for each, which take turns."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")


@define(eq=False)
class FairQueue(Generic[T]):
    """Lines that take turns, each first come, first served.

    Attributes:
        each: who may wait in one line.
        total: who may wait in all of them.
    """

    each: int
    total: int
    _lines: OrderedDict[Hashable, OrderedDict[T, None]] = field(init=False, factory=OrderedDict)
    _waiting: int = field(init=False, default=0)

    def join(self, line: Hashable, one: T) -> T | None:
        """Put one at the end of its line; return who has to go for that, who may be the same one.

        A line that is full takes nobody. When all together are too many, the last of the longest line
        makes room for a line that is shorter by two or more.
        """
        mine = len(self._lines.get(line, ()))
        if mine >= self.each:
            return one
        displaced = None
        if self._waiting >= self.total:
            longest = max(self._lines, key=lambda name: len(self._lines[name]))
            if len(self._lines[longest]) < mine + 2:
                return one
            displaced, _ = self._lines[longest].popitem()
            self._waiting -= 1
        self._lines.setdefault(line, OrderedDict())[one] = None
        self._waiting += 1
        return displaced

    def next(self) -> T | None:
        """Take out whose turn it is, or return None."""
        if not self._lines:
            return None
        name, line = next(iter(self._lines.items()))
        one, _ = line.popitem(last=False)
        self._waiting -= 1
        if line:
            self._lines.move_to_end(name)
        else:
            del self._lines[name]
        return one

    def leave(self, line: Hashable, one: T) -> None:
        """Take out one who gives up; one who is not there counts for nothing."""
        there = self._lines.get(line)
        if there is None or one not in there:
            return
        del there[one]
        self._waiting -= 1
        if not there:
            del self._lines[line]

    def __len__(self) -> int:
        return self._waiting
