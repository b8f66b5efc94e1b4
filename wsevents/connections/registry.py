"""A set, such as of connections or workers, that reports when it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@define(eq=False)
class Registry(Generic[T]):
    """A set in insertion order; `empty` fires when it has no member."""

    _members: dict[T, None] = field(init=False, factory=dict)
    _waiting: list[Deferred[None]] = field(init=False, factory=list)

    def add(self, member: T) -> None:
        """Add a member."""
        self._members[member] = None

    def remove(self, member: T) -> None:
        """Remove a member; ignored if it is not in the set."""
        self._members.pop(member, None)
        if not self._members:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def __iter__(self) -> Iterator[T]:
        """Iterate over a copy, so that members may be removed meanwhile."""
        return iter(list(self._members))

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __len__(self) -> int:
        return len(self._members)

    def empty(self) -> Deferred[None]:
        """Return a Deferred that fires when the set is empty, at once if it is."""
        if not self._members:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting
