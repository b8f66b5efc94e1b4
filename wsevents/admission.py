"""Who may connect, and whose turn it is: counts by address, before anything is known of a peer.

After a restart thousands knock at once. So many shake hands at a time, the others wait for their turn:
nobody is turned away who has only come with many others, and whoever floods the door from one address
waits behind those of other addresses.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from wsevents.settings import Limits

K = TypeVar("K")


@define(eq=False)
class Admission(Generic[K]):
    """Counts connections, and those whose handshake is under way; keeps the line of those who wait.

    Each connection `arrive`s, has its turn when `next` says so, may `settle`, and `leave`s, at once if it
    is `crowded_out`. Leaving is right at any point; what is said of a connection that is not counted in is
    ignored.
    """

    limits: Limits
    _addresses: dict[K, str] = field(init=False, factory=dict)
    _connected: Counter[str] = field(init=False, factory=Counter)
    _busy: set[K] = field(init=False, factory=set)
    _busy_of: Counter[str] = field(init=False, factory=Counter)
    _lines: OrderedDict[str, OrderedDict[K, None]] = field(init=False, factory=OrderedDict)
    _waiting: int = field(init=False, default=0)

    def arrive(self, key: K, address: str) -> str | None:
        """Put a new connection in the line; or return why it may not come in, and count nothing."""
        if _full(self._connected[address], self.limits.connections_per_address):
            return "too many connections from its address"
        self._addresses[key] = address
        self._connected[address] += 1
        self._lines.setdefault(address, OrderedDict())[key] = None
        self._waiting += 1
        return None

    def next(self) -> K | None:
        """Return whose turn it is, or None; addresses take turns, of one the first comes first."""
        if _full(len(self._busy), self.limits.pending_handshakes):
            return None
        for address, line in self._lines.items():
            if not _full(self._busy_of[address], self.limits.pending_per_address):
                key, _ = line.popitem(last=False)
                self._waiting -= 1
                if line:
                    self._lines.move_to_end(address)
                else:
                    del self._lines[address]
                self._busy.add(key)
                self._busy_of[address] += 1
                return key
        return None

    def crowded_out(self) -> K | None:
        """Return who has to leave as too many wait, or None: the last of the address with the longest line.

        So a line that one address has filled is not closed to the others.
        """
        limit = self.limits.waiting_handshakes
        if not limit or self._waiting <= limit:
            return None
        longest = max(reversed(self._lines.values()), key=len)
        return next(reversed(longest))

    def settle(self, key: K) -> None:
        """Count a finished handshake."""
        if key in self._busy:
            self._busy.remove(key)
            _decrement(self._busy_of, self._addresses[key])

    def leave(self, key: K) -> None:
        """Count a connection out."""
        self.settle(key)
        address = self._addresses.pop(key, None)
        if address is None:
            return
        _decrement(self._connected, address)
        line = self._lines.get(address)
        if line is not None and key in line:
            del line[key]
            self._waiting -= 1
            if not line:
                del self._lines[address]

    @property
    def empty(self) -> bool:
        """Nobody is counted in."""
        return not (self._addresses or self._connected or self._busy or self._busy_of or self._lines)


def _full(count: int, limit: int) -> bool:
    return bool(limit) and count >= limit


def _decrement(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
