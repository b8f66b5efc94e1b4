"""Who may connect at all: counts by address, before anything is known of a peer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from wsevents.settings import Limits


@define(eq=False)
class Admission:
    """Counts connections, and those that have not finished their handshake.

    Each `arrive` that was let in is followed by at most one `settle`, and one `leave`.
    """

    limits: Limits
    _pending: Counter[str] = field(init=False, factory=Counter)
    _total: int = field(init=False, default=0)
    _connected: Counter[str] = field(init=False, factory=Counter)

    def arrive(self, address: str) -> str | None:
        """Count a new connection in; or return why it may not come in, and count nothing."""
        limits = self.limits
        if _over(self._total, limits.pending_handshakes):
            return "too many handshakes are under way"
        if _over(self._pending[address], limits.pending_per_address):
            return "too many handshakes are under way from its address"
        if _over(self._connected[address], limits.connections_per_address):
            return "too many connections from its address"
        self._total += 1
        self._pending[address] += 1
        self._connected[address] += 1
        return None

    def settle(self, address: str) -> None:
        """Count a finished handshake."""
        self._total -= 1
        _decrement(self._pending, address)

    def leave(self, address: str) -> None:
        """Count a connection out, after `settle`."""
        _decrement(self._connected, address)

    @property
    def empty(self) -> bool:
        """Nobody is counted in."""
        return not self._pending and not self._connected


def _over(count: int, limit: int) -> bool:
    return bool(limit) and count >= limit


def _decrement(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
