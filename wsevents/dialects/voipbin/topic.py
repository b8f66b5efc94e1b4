"""Topics to subscribe to: their grammar, and who may have which.

A topic is `scope:uuid` and any further parts, between colons. What is published under a topic that
begins with a subscribed one is delivered; a final `*` stands for any rest, so that it is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsevents.dialects.voipbin.claims import ADMIN, MANAGER, SUPER_ADMIN
from wsevents.dialects.voipbin.identifier import canonical

if TYPE_CHECKING:
    from wsevents.api.identity import Identity

CUSTOMER, AGENT = "customer_id", "agent_id"
_DIRECT_PARTS = 4


def may_subscribe(identity: Identity, topic: str) -> bool:
    """Say whether this is a topic, and one that the identity may subscribe to."""
    claims = identity.claims
    permission = claims.get("permission", 0)
    if permission & SUPER_ADMIN:
        return True
    place = place_of(topic)
    if place is None:
        return False
    scope, uuid = place
    if scope == AGENT:
        return claims.get("kind") == "agent" and uuid == identity.subject
    if uuid != identity.tenant:
        return False
    if claims.get("kind") == "direct":
        parts = topic.split(":")
        return len(parts) == _DIRECT_PARTS and parts[2] in claims.get("allowed", ())
    return bool(permission & (ADMIN | MANAGER))


def place_of(topic: str) -> tuple[str, str] | None:
    """Return the scope of a topic and its uuid, in canonical form; None: it is of no scope there is."""
    scope, _, rest = topic.partition(":")
    uuid = canonical(rest.partition(":")[0])
    return (scope, uuid) if scope in {CUSTOMER, AGENT} and uuid is not None else None


def prefix_of(topic: str) -> str:
    """Return what a published topic has to begin with. None that is published has a `*` in it."""
    return topic.removesuffix("*")
