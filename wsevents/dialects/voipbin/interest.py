"""The subscriptions of a VoIPBIN peer as one interest, so that the peer gets one frame of an event."""

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
from wsevents.dialects.voipbin.topic import AGENT, CUSTOMER, prefix_of, scope_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from wsevents.api.identity import Identity
    from wsevents.core.acl import Access
    from wsevents.dialects.voipbin.projection import VoipbinProjection


@implementer(IInterest)
@frozen(cache_hash=True)
class VoipbinInterest:
    """All topics that a peer has subscribed to. The session has checked that the peer may.

    Attributes:
        prefixes: a published topic matches if it begins with one of these; no prefix begins with another.
        shape: shape of the frames.
        addresses: the scopes of the topics.
        bindings: the bindings to VoIPBIN's exchange that the topics need.
        access: the compiled ACL for generic events.
        tenant: uuid of the customer of the events; None: all customers.
        subject: stands for "me" in the ACL; "" if no decision depends on it.
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
        return self.prefixes

    def choose(self, projection: VoipbinProjection) -> str | bool | None:
        """Return the first topic that matches, or True if the frame does not contain it; None: no match."""
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
    """Return the interest of an identity in topics.

    Args:
        identity: the identity; it may subscribe to all of the topics.
        topics: the topics as the client sent them.
        shape: shape of the frames.
        exchange: the exchange of VoIPBIN's own events; None: the gateway does not read these.
    """
    prefixes = _shortest({prefix_of(topic) for topic in topics})
    bindings = (
        set()
        if exchange is None
        else {binding for prefix in prefixes for binding in _bindings(prefix, identity, exchange)}
    )
    access = compile_acl(identity.acl)
    return VoipbinInterest(
        prefixes,
        shape,
        tuple(dict.fromkeys(scope_of(prefix) or ANY for prefix in prefixes)),
        tuple(sorted(bindings, key=lambda binding: binding.key)),
        access,
        None if identity.reach == "all" else identity.tenant,
        identity.subject if access.personal else "",
    )


def _shortest(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes, sorted, without prefixes that begin with another one and so are redundant."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def _bindings(prefix: str, identity: Identity, exchange: str) -> Iterable[Binding]:
    """Yield the bindings that a topic needs. Only a super admin has topics without a scope."""
    scope = scope_of(prefix)
    if scope is None:
        yield Binding(exchange, f"{CUSTOMER}.#" if prefix.startswith(f"{CUSTOMER}:") else "#")
        return
    kind, uuid = scope
    yield Binding(exchange, f"{kind}.{uuid}.#")
    queues = f"{AGENT}:{uuid}:{QUEUE}:"
    if kind == AGENT and (prefix.startswith(queues) or queues.startswith(prefix)):
        # The agent that serves a queued call is not its owner: only the customer gets a message about it.
        customer = "*" if identity.reach == "all" else identity.tenant
        yield Binding(exchange, f"{CUSTOMER}.{customer}.{QUEUECALL}.#")
