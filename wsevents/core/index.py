"""The index: address -> audiences -> peers; what an event may reach.

An audience is all the peers with an equal interest. An event looks at its own addresses only,
so neither an event for one user nor a tenant's broadcast searches among those who did not ask.
A peer that connects, changes its mind or leaves costs in proportion to its own interests.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from wsevents.api.events import Binding
    from wsevents.api.interests import IInterest

P = TypeVar("P")
NOTHING: frozenset[IInterest] = frozenset()


@frozen
class Changes:
    """The interests that a peer has now and had not before, and those that it had and has not."""

    added: frozenset[IInterest]
    removed: frozenset[IInterest]

    @property
    def bindings(self) -> tuple[list[Binding], list[Binding]]:
        """What is now needed upstream once more each, and once less."""
        return _bindings(self.added), _bindings(self.removed)


def _bindings(interests: frozenset[IInterest]) -> list[Binding]:
    return [binding for interest in interests for binding in interest.bindings]


@define(eq=False)
class Audience(Generic[P]):
    """The peers with one interest, in the order of their arrival."""

    interest: IInterest
    peers: dict[P, None] = field(factory=dict)


@define(eq=False)
class Index(Generic[P]):
    """Who listens to what, for one dialect."""

    _audiences: dict[IInterest, Audience[P]] = field(init=False, factory=dict)
    _at: dict[Hashable, dict[Audience[P], None]] = field(init=False, factory=dict)
    _held: dict[P, frozenset[IInterest]] = field(init=False, factory=dict)

    def subscribe(self, peer: P, interests: frozenset[IInterest]) -> Changes:
        """From now on the peer has exactly these interests, or is forgotten; return what that changed."""
        held = self._held.get(peer, NOTHING)
        changes = Changes(added=interests - held, removed=held - interests)
        for interest in changes.removed:
            self._leave(peer, interest)
        for interest in changes.added:
            self._join(peer, interest)
        if interests:
            self._held[peer] = interests
        else:
            self._held.pop(peer, None)
        return changes

    def held(self, peer: P) -> frozenset[IInterest]:
        """Return the interests that a peer has."""
        return self._held.get(peer, NOTHING)

    def at(self, addresses: Sequence[Hashable]) -> Iterable[Audience[P]]:
        """Return each audience that is to be found at any of the addresses, once."""
        found = [there for address in addresses if (there := self._at.get(address)) is not None]
        if len(found) == 1:
            return found[0]
        return dict.fromkeys(chain.from_iterable(found))

    def __len__(self) -> int:
        """Return the number of peers that listen to anything."""
        return len(self._held)

    @property
    def empty(self) -> bool:
        """Nothing at all is left in the index."""
        return not (self._held or self._audiences or self._at)

    def _join(self, peer: P, interest: IInterest) -> None:
        audience = self._audiences.get(interest)
        if audience is None:
            audience = self._audiences[interest] = Audience(interest)
            for address in interest.addresses:
                self._at.setdefault(address, {})[audience] = None
        audience.peers[peer] = None

    def _leave(self, peer: P, interest: IInterest) -> None:
        audience = self._audiences[interest]
        del audience.peers[peer]
        if audience.peers:
            return
        del self._audiences[interest]
        for address in set(interest.addresses):
            there = self._at[address]
            del there[audience]
            if not there:
                del self._at[address]
