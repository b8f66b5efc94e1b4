"""When each of the peers is to be told to go, so that they do not all come back in the same second."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

T = TypeVar("T")


def close_times(peers: Iterable[T], seconds: float, entropy: Random) -> list[tuple[float, T]]:
    """Return the peers in an order of chance, each with the seconds after which it has to go.

    They are spread evenly; the first goes at once, so that who is alone is not kept waiting.
    """
    order = list(peers)
    entropy.shuffle(order)
    return [(seconds * turn / len(order), peer) for turn, peer in enumerate(order)]
