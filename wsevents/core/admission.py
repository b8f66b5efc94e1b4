"""Admission control: limits on connections and handshakes, in total and per client address.

After a restart of the gateway thousands of clients connect at once. The limits bound the number of concurrent
handshakes; further connections wait instead of being rejected. Addresses take turns, so a client that opens
many connections does not delay the clients of other addresses. A connection through a trusted proxy counts in
the totals only, until the proxy has reported the client's address.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from wsevents.api.settings import Limits

K = TypeVar("K")


@define
class _Entry:
    """The addresses under which a connection is counted.

    Attributes:
        address: counted in the connections of this address; "": in none.
        queue: waits in the queue of this address; "": does not wait.
        turn: counted in the handshakes of this address; "": in none.
    """

    address: str = ""
    queue: str = ""
    turn: str = ""


@define(eq=False)
class Admission(Generic[K]):
    """Counts connections and handshakes, and queues the connections that wait for their handshake.

    The caller calls, for each connection: `arrive`, or `enter` earlier if the connection must be counted
    before it may wait; `finish` after the handshake; `leave` at its end, at any point. `next` returns the
    connection that starts its handshake now. `excess` returns a connection that the caller must close. Calls
    for an unknown connection have no effect.
    """

    limits: Limits
    _entries: dict[K, _Entry] = field(init=False, factory=dict)
    _connected: Counter[str] = field(init=False, factory=Counter)
    _busy: set[K] = field(init=False, factory=set)
    _busy_of: Counter[str] = field(init=False, factory=Counter)
    _queues: OrderedDict[str, OrderedDict[K, None]] = field(init=False, factory=OrderedDict)
    _waiting: int = field(init=False, default=0)

    def enter(self, key: K) -> str | None:
        """Count a new connection in the total; or, if the limit is reached, only return the reason."""
        if _full(len(self._entries), self.limits.connections):
            return "too many connections"
        self._entries[key] = _Entry()
        return None

    def arrive(self, key: K, address: str, *, shared: bool = False) -> str | None:
        """Queue a connection for its handshake, or return the reason to reject it.

        Args:
            key: the connection; counted in the total if it is new.
            address: the address of its peer.
            shared: the address is that of a proxy, so the limit per address does not apply.
        """
        refusal = None if key in self._entries else self.enter(key)
        if refusal is None and not shared:
            refusal = self.known(key, address)
        if refusal is None:
            self._entries[key].queue = address
            self._queues.setdefault(address, OrderedDict())[key] = None
            self._waiting += 1
        return refusal

    def known(self, key: K, address: str) -> str | None:
        """Count a connection under the client's address; or, if the limit is reached, remove it.

        Return the reason for the removal, or None.
        """
        entry = self._entries.get(key)
        if entry is None or entry.address:
            return None
        if _full(self._connected[address], self.limits.connections_per_address):
            self.leave(key)
            return "too many connections from its address"
        entry.address = address
        self._connected[address] += 1
        return None

    def replace(self, key: K, other: K) -> None:
        """Replace a connection whose handshake has started by another object for the same connection."""
        self._entries[other] = self._entries.pop(key)
        self._busy.remove(key)
        self._busy.add(other)

    def next(self) -> K | None:
        """Return the connection that starts its handshake now, or None.

        Addresses take turns; the connections of one address start in the order of their arrival.
        """
        if _full(len(self._busy), self.limits.pending_handshakes):
            return None
        for address, queue in self._queues.items():
            if not _full(self._busy_of[address], self.limits.pending_per_address):
                key = next(iter(queue))
                self._leave_queue(key)
                if queue:
                    self._queues.move_to_end(address)
                self._busy.add(key)
                entry = self._entries[key]
                if entry.address:
                    entry.turn = address
                    self._busy_of[address] += 1
                return key
        return None

    def _leave_queue(self, key: K) -> None:
        entry = self._entries[key]
        if entry.queue:
            queue = self._queues[entry.queue]
            del queue[key]
            self._waiting -= 1
            if not queue:
                del self._queues[entry.queue]
            entry.queue = ""

    def excess(self) -> K | None:
        """Return the connection to close because too many wait, or None.

        It is the newest of the address with the longest queue, so an address that fills the queue does not
        keep other addresses out.
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
            entry = self._entries[key]
            if entry.turn:
                _decrement(self._busy_of, entry.turn)
                entry.turn = ""

    def leave(self, key: K) -> None:
        """Remove a connection from all counts and queues."""
        if key not in self._entries:
            return
        self.finish(key)
        self._leave_queue(key)
        entry = self._entries.pop(key)
        if entry.address:
            _decrement(self._connected, entry.address)

    @property
    def empty(self) -> bool:
        """Whether no connection is counted."""
        return not (self._entries or self._connected or self._busy or self._busy_of or self._queues)


def _full(count: int, limit: int) -> bool:
    return bool(limit) and count >= limit


def _decrement(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
