"""The grammar of topics, and which identities may subscribe to which topics.

A topic is `customer_id:UUID` or `agent_id:UUID`, its scope, and any number of further parts after colons.
A client gets the events whose topics begin with a subscribed topic. A `*` at the end of a subscribed topic
has no effect.
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
    """Say whether a text is a topic to which the identity may subscribe. A super admin may use any text."""
    claims = identity.claims
    permission = claims.get("permission", 0)
    if permission & SUPER_ADMIN:
        return True
    scope = scope_of(topic)
    if scope is None:
        return False
    kind, uuid = scope
    if kind == AGENT:
        return claims.get("kind") == "agent" and uuid == identity.subject
    if uuid != identity.tenant:
        return False
    if claims.get("kind") == "direct":
        parts = topic.split(":")
        return len(parts) == _DIRECT_PARTS and parts[2] in claims.get("allowed", ())
    return bool(permission & (ADMIN | MANAGER))


def scope_of(topic: str) -> tuple[str, str] | None:
    """Return the kind and the canonical uuid of the scope of a topic; None: it has no valid scope."""
    kind, _, rest = topic.partition(":")
    uuid = canonical(rest.partition(":")[0])
    return (kind, uuid) if kind in {CUSTOMER, AGENT} and uuid is not None else None


def prefix_of(topic: str) -> str:
    """Return the prefix of the matching published topics, which never contain a `*`."""
    return topic.removesuffix("*")
