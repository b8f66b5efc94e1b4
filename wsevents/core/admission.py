"""Who may connect, and whose turn it is: counts by address, before anything is known of a peer.

After a restart thousands knock at once. So many shake hands at a time, the others wait for their turn:
nobody is turned away who has only come with many others, and whoever floods the door from one address
waits behind those of other addresses. Who comes by a proxy that is trusted counts by an address of its own
once that is known, and until then only among all.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from wsevents.api.settings import Limits

K = TypeVar("K")


@define
class _Place:
    """What is held of a connection: by which address it counts, where it stands in line, whose turn it is.

    Each is "" if it does not count, stand in line, or have a turn that counts by address.
    """

    address: str = ""
    queue: str = ""
    turn: str = ""


@define(eq=False)
class Admission(Generic[K]):
    """Counts connections, and those whose handshake is under way; keeps the line of those who wait.

    Each connection `arrive`s, has its turn when `next` says so, may `settle`, and `leave`s, at once if it
    is `excess`. Leaving is right at any point; what is said of a connection that is not counted in is
    ignored. Who is not to stand in line yet may `enter` first.
    """

    limits: Limits
    _places: dict[K, _Place] = field(init=False, factory=dict)
    _connected: Counter[str] = field(init=False, factory=Counter)
    _busy: set[K] = field(init=False, factory=set)
    _busy_of: Counter[str] = field(init=False, factory=Counter)
    _queues: OrderedDict[str, OrderedDict[K, None]] = field(init=False, factory=OrderedDict)
    _waiting: int = field(init=False, default=0)

    def enter(self, key: K) -> str | None:
        """Count a new connection among all; or return why it may not come in, and count nothing."""
        if _full(len(self._places), self.limits.connections):
            return "too many connections"
        self._places[key] = _Place()
        return None

    def arrive(self, key: K, address: str, *, shared: bool = False) -> str | None:
        """Put a connection in the line; or return why it may not come in.

        Args:
            key: the connection; counted in if it is new.
            address: where it comes from.
            shared: that is a proxy's, and nobody is limited by it.
        """
        refusal = None if key in self._places else self.enter(key)
        if refusal is None and not shared:
            refusal = self.known(key, address)
        if refusal is None:
            self._places[key].queue = address
            self._queues.setdefault(address, OrderedDict())[key] = None
            self._waiting += 1
        return refusal

    def known(self, key: K, address: str) -> str | None:
        """Count a connection by its address from now on; or return why not, and let it leave."""
        place = self._places.get(key)
        if place is None or place.address:
            return None
        if _full(self._connected[address], self.limits.connections_per_address):
            self.leave(key)
            return "too many connections from its address"
        place.address = address
        self._connected[address] += 1
        return None

    def pass_on(self, key: K, other: K) -> None:
        """Have another one in the place of a connection whose turn it is."""
        self._places[other] = self._places.pop(key)
        self._busy.remove(key)
        self._busy.add(other)

    def next(self) -> K | None:
        """Return whose turn it is, or None; addresses take turns, of one the first comes first."""
        if _full(len(self._busy), self.limits.pending_handshakes):
            return None
        for address, queue in self._queues.items():
            if not _full(self._busy_of[address], self.limits.pending_per_address):
                key = next(iter(queue))
                self._leave_queue(key)
                if queue:
                    self._queues.move_to_end(address)
                self._busy.add(key)
                place = self._places[key]
                if place.address:
                    place.turn = address
                    self._busy_of[address] += 1
                return key
        return None

    def _leave_queue(self, key: K) -> None:
        place = self._places[key]
        if place.queue:
            queue = self._queues[place.queue]
            del queue[key]
            self._waiting -= 1
            if not queue:
                del self._queues[place.queue]
            place.queue = ""

    def excess(self) -> K | None:
        """Return who has to leave as too many wait, or None: the last of the address with the longest line.

        So a line that one address has filled is not closed to the others.
        """
        limit = self.limits.waiting_handshakes
        if not limit or self._waiting <= limit:
            return None
        longest = max(reversed(self._queues.values()), key=len)
        return next(reversed(longest))

    def finish(self, key: K) -> None:
        """Count a finished handshake."""
        if key in self._busy:
            self._busy.remove(key)
            place = self._places[key]
            if place.turn:
                _decrement(self._busy_of, place.turn)
                place.turn = ""

    def leave(self, key: K) -> None:
        """Count a connection out."""
        if key not in self._places:
            return
        self.finish(key)
        self._leave_queue(key)
        place = self._places.pop(key)
        if place.address:
            _decrement(self._connected, place.address)

    @property
    def empty(self) -> bool:
        """Nobody is counted in."""
        return not (self._places or self._connected or self._busy or self._busy_of or self._queues)


def _full(count: int, limit: int) -> bool:
    return bool(limit) and count >= limit


def _decrement(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
