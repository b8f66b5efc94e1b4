"""Who is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@define(eq=False)
class Registry(Generic[T]):
    """A set that says when it is empty."""

    _here: dict[T, None] = field(init=False, factory=dict)
    _waiting: list[Deferred[None]] = field(init=False, factory=list)

    def add(self, one: T) -> None:
        """One has come."""
        self._here[one] = None

    def remove(self, one: T) -> None:
        """One has gone; one that never came counts for nothing."""
        self._here.pop(one, None)
        if not self._here:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def __iter__(self) -> Iterator[T]:
        """Return those of this moment; they may go while one looks at them."""
        return iter(list(self._here))

    def __contains__(self, one: object) -> bool:
        return one in self._here

    def __len__(self) -> int:
        return len(self._here)

    def empty(self) -> Deferred[None]:
        """Fire when nobody is left."""
        if not self._here:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting
