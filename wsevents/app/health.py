"""How a gateway is, in a few words: for the service manager, and for the supervisor of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Health:
    """How it is now.

    Attributes:
        peers: how many it has.
        tried: whether the bus was up, or at least tried, once.
        why: why the bus is down; "" while it is up.
        note: what else there is to say of it.
    """

    peers: int
    tried: bool
    why: str
    note: str = ""

    @property
    def text(self) -> str:
        """Return it in one line."""
        bus = f"bus down: {self.why}" if self.why else "bus up"
        return ", ".join(filter(None, (f"{self.peers} peers", self.note, bus)))


def together(conditions: Sequence[Health], count: int) -> Health:
    """Return how so many workers are as one; of those that are missing there is no condition.

    The bus is down if it is for one of them.
    """
    down = [health.why for health in conditions if health.why]
    share = f"for {len(down)} of {count} workers: " if len(down) < count else ""
    missing = count - len(conditions)
    return Health(
        sum(health.peers for health in conditions),
        not missing and all(health.tried for health in conditions),
        f"{share}{down[0]}" if down else "",
        f"{missing} of {count} workers do not serve" if missing else "",
    )
