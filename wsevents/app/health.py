"""The health of a gateway in one line, for the service manager and the supervisor of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Health:
    """The health of a process.

    Attributes:
        peers: the number of its peers.
        bus_attempted: whether the first attempt to connect the bus has ended.
        bus_error: why the bus is down; "" while it is up.
        note: further information, or "".
    """

    peers: int
    bus_attempted: bool
    bus_error: str
    note: str = ""

    @property
    def text(self) -> str:
        """The health in one line."""
        bus = f"bus down: {self.bus_error}" if self.bus_error else "bus up"
        return ", ".join(filter(None, (f"{self.peers} peers", self.note, bus)))


def combined_health(workers: Sequence[Health], count: int) -> Health:
    """Return the health of `count` workers as a whole; workers that do not answer have no `Health`.

    The bus counts as down if it is down for a worker.
    """
    errors = [health.bus_error for health in workers if health.bus_error]
    scope = f"for {len(errors)} of {count} workers: " if len(errors) < count else ""
    missing = count - len(workers)
    return Health(
        sum(health.peers for health in workers),
        not missing and all(health.bus_attempted for health in workers),
        f"{scope}{errors[0]}" if errors else "",
        f"{missing} of {count} workers do not serve" if missing else "",
    )
