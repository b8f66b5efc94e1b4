"""Who is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wsevents.server import Peer


@define(eq=False)
class Roster:
    """The peers whose WebSocket is open."""

    _peers: dict[Peer, None] = field(init=False, factory=dict)
    _waiting: list[Deferred[None]] = field(init=False, factory=list)

    def add(self, peer: Peer) -> None:
        """A peer has come."""
        self._peers[peer] = None

    def remove(self, peer: Peer) -> None:
        """A peer has gone; one that never came counts for nothing."""
        self._peers.pop(peer, None)
        if not self._peers:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def __iter__(self) -> Iterator[Peer]:
        """Return the peers of this moment; they may go while one looks at them."""
        return iter(list(self._peers))

    def __len__(self) -> int:
        return len(self._peers)

    def empty(self) -> Deferred[None]:
        """Fire when nobody is left."""
        if not self._peers:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting
