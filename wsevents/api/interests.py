"""What an event is matched by: projections and interests. `wsevents.delivery.relay` does the matching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from wsevents.api.events import Binding


class IProjection(Interface):
    """An event as one dialect sees it; made once per event and dialect."""

    addresses: Sequence[Hashable] = Attribute("Where to look for audiences; each may hold any number.")


class IInterest(Interface):
    """One thing that a peer asked for and may see. Frozen, with a cheap hash and equality.

    All peers with equal interests form one audience, for which `choose` is called once per event.
    """

    addresses: Sequence[Hashable] = Attribute("Where its audience is to be found; as selective as can be.")
    shape: Hashable = Attribute("What the bytes of a frame depend on; equal shapes share frames.")
    bindings: Sequence[Binding] = Attribute("What must be bound upstream while somebody has this interest.")
    asked: Sequence[str] = Attribute("What was asked for, each as its protocol has it; for operators.")

    def choose(projection: Any) -> Hashable | None:
        """Return None (not for me) or the variant of the frame, such as the topic that matched."""
