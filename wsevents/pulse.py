"""How a gateway is, in a few words: for the service manager, and for the supervisor of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Pulse:
    """How it is now.

    Attributes:
        peers: how many it has.
        tried: whether the bus was up, or at least tried, once.
        why: why the bus is down; "" while it is up.
    """

    peers: int
    tried: bool
    why: str

    @property
    def text(self) -> str:
        """Return it in one line."""
        return f"{self.peers} peers, {f'bus down: {self.why}' if self.why else 'bus up'}"


def together(pulses: Sequence[Pulse]) -> Pulse:
    """Return how several are as one: the bus is down if it is for one of them."""
    down = [pulse.why for pulse in pulses if pulse.why]
    share = "" if len(down) == len(pulses) else f"for {len(down)} of {len(pulses)} workers: "
    return Pulse(
        sum(pulse.peers for pulse in pulses),
        all(pulse.tried for pulse in pulses),
        f"{share}{down[0]}" if down else "",
    )
