"""What a VoIPBIN peer has subscribed to, all of it together, so that it gets one frame of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from zope.interface import implementer

from wsevents.api.events import Binding
from wsevents.api.interests import IInterest
from wsevents.core.acl import compile_acl
from wsevents.dialects.voipbin.frame import names_topic
from wsevents.dialects.voipbin.projection import ANY
from wsevents.dialects.voipbin.publication import QUEUE, QUEUECALL
from wsevents.dialects.voipbin.topic import AGENT, CUSTOMER, place_of, prefix_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from wsevents.api.identity import Identity
    from wsevents.core.acl import Access
    from wsevents.dialects.voipbin.projection import VoipbinProjection


@implementer(IInterest)
@frozen(cache_hash=True)
class VoipbinInterest:
    """Topics that an identity may subscribe to, and did.

    Attributes:
        prefixes: what published topics have to begin with, none of them with another.
        shape: of the frames.
        addresses: the scopes of the topics.
        bindings: what they need of VoIPBIN's exchange.
        access: what may be seen of generic events.
        tenant: the customer whose events these must be; None: of anybody.
        subject: "me" in an ACL; "" where it makes no difference.
    """

    prefixes: tuple[str, ...]
    shape: str
    addresses: tuple[Hashable, ...]
    bindings: tuple[Binding, ...]
    access: Access
    tenant: str | None
    subject: str

    @property
    def asked(self) -> tuple[str, ...]:
        """The topics."""
        return self.prefixes

    def choose(self, projection: VoipbinProjection) -> str | bool | None:
        """Return the first topic of the event that matches, or True if the frame does not name it."""
        publication = projection.publication
        if self.tenant is not None and publication.customer not in (None, self.tenant):
            return None
        topic = next((topic for topic in publication.topics if topic.startswith(self.prefixes)), None)
        if topic is None or topic not in projection.served:
            return None
        if not self.access.may_see(projection.event.required, self.subject):
            return None
        return topic if names_topic(self.shape) else True


def interest(identity: Identity, topics: Iterable[str], shape: str, exchange: str | None) -> VoipbinInterest:
    """Return an identity's interest in topics.

    Args:
        identity: may subscribe to all of them.
        topics: as it named them.
        shape: of the frames that it is sent.
        exchange: of VoIPBIN's own events; None: none are read.
    """
    prefixes = _shortest({prefix_of(topic) for topic in topics})
    bindings = (
        set() if exchange is None else {one for p in prefixes for one in _bindings(p, identity, exchange)}
    )
    access = compile_acl(identity.acl)
    return VoipbinInterest(
        prefixes,
        shape,
        tuple(dict.fromkeys(place_of(prefix) or ANY for prefix in prefixes)),
        tuple(sorted(bindings, key=lambda binding: binding.key)),
        access,
        None if identity.reach == "all" else identity.tenant,
        identity.subject if access.personal else "",
    )


def _shortest(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes, sorted, without those that begin with another: they match nothing besides."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def _bindings(prefix: str, identity: Identity, exchange: str) -> Iterable[Binding]:
    """Yield what a topic needs; only a super admin has some that name no scope, or none of their own."""
    place = place_of(prefix)
    if place is None:
        yield Binding(exchange, f"{CUSTOMER}.#" if prefix.startswith(f"{CUSTOMER}:") else "#")
        return
    scope, uuid = place
    yield Binding(exchange, f"{scope}.{uuid}.#")
    queues = f"{AGENT}:{uuid}:{QUEUE}:"
    if scope == AGENT and (prefix.startswith(queues) or queues.startswith(prefix)):
        # The agent who serves a call in a queue does not own it, so that only the customer has it published.
        customer = "*" if identity.reach == "all" else identity.tenant
        yield Binding(exchange, f"{CUSTOMER}.{customer}.{QUEUECALL}.#")
