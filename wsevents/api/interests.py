"""The two sides of matching: projections of events, and interests of peers.

`wsevents.delivery.relay` matches them: an event reaches the audiences at the addresses of its projection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from wsevents.api.events import Binding


class IProjection(Interface):
    """The view of one dialect on an event. The relay requests it once per event and dialect."""

    addresses: Sequence[Hashable] = Attribute("Keys under which the relay looks up audiences.")


class IInterest(Interface):
    """A set of events that a peer requested and may see. Immutable, with a cheap hash and equality.

    All peers with equal interests form one audience. The relay calls `choose` once per event and audience.
    """

    addresses: Sequence[Hashable] = Attribute("Keys of its audience, as selective as possible.")
    shape: Hashable = Attribute("The part of the interest that frames depend on; equal shapes share frames.")
    bindings: Sequence[Binding] = Attribute("Bindings that the bus needs while a peer has this interest.")
    asked: Sequence[str] = Attribute("The requested subscriptions in the protocol's notation, for operators.")

    def choose(projection: Any) -> Hashable | None:
        """Return the variant of the frame, such as the topic that matched, or None if nothing matches."""
