"""The close times of peers at a shutdown, spread so that clients do not all reconnect in the same second."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

T = TypeVar("T")


def close_times(peers: Iterable[T], seconds: float, entropy: Random) -> list[tuple[float, T]]:
    """Return the peers in random order, each with the seconds after which to close it.

    The times are spread evenly. The first is 0, so that a single peer does not delay the shutdown.
    """
    order = list(peers)
    entropy.shuffle(order)
    return [(seconds * turn / len(order), peer) for turn, peer in enumerate(order)]
