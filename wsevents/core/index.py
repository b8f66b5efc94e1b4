"""The index that finds the peers for an event: address -> audiences -> peers.

An audience is the set of peers with an equal interest. The lookup for an event takes only the audiences at
the event's addresses, so its cost does not depend on the number of other peers. The cost of a change of a
peer's interests is proportional to the number of changed interests.
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
    """The difference between the former and the new interests of a peer."""

    added: frozenset[IInterest]
    removed: frozenset[IInterest]

    @property
    def bindings(self) -> tuple[list[Binding], list[Binding]]:
        """The bindings of the added interests, and those of the removed interests."""
        return _bindings(self.added), _bindings(self.removed)


def _bindings(interests: frozenset[IInterest]) -> list[Binding]:
    return [binding for interest in interests for binding in interest.bindings]


@define(eq=False)
class Audience(Generic[P]):
    """The peers with one interest, in the order of their subscriptions."""

    interest: IInterest
    peers: dict[P, None] = field(factory=dict)


@define(eq=False)
class Index(Generic[P]):
    """The interests of all peers of one dialect."""

    _audiences: dict[IInterest, Audience[P]] = field(init=False, factory=dict)
    _by_address: dict[Hashable, dict[Audience[P], None]] = field(init=False, factory=dict)
    _held: dict[P, frozenset[IInterest]] = field(init=False, factory=dict)

    def subscribe(self, peer: P, interests: frozenset[IInterest]) -> Changes:
        """Replace all interests of a peer and return the changes. Without interests the peer is removed."""
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
        """Return each audience at any of these addresses once."""
        found = [audiences for key in addresses if (audiences := self._by_address.get(key)) is not None]
        if len(found) == 1:
            return found[0]
        return dict.fromkeys(chain.from_iterable(found))

    def __len__(self) -> int:
        """Return the number of peers with at least one interest."""
        return len(self._held)

    @property
    def empty(self) -> bool:
        """Whether the index has no peer, audience or address."""
        return not (self._held or self._audiences or self._by_address)

    def _join(self, peer: P, interest: IInterest) -> None:
        audience = self._audiences.get(interest)
        if audience is None:
            audience = self._audiences[interest] = Audience(interest)
            for address in interest.addresses:
                self._by_address.setdefault(address, {})[audience] = None
        audience.peers[peer] = None

    def _leave(self, peer: P, interest: IInterest) -> None:
        audience = self._audiences[interest]
        del audience.peers[peer]
        if audience.peers:
            return
        del self._audiences[interest]
        for address in set(interest.addresses):
            audiences = self._by_address[address]
            del audiences[audience]
            if not audiences:
                del self._by_address[address]
