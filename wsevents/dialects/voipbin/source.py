"""VoIPBIN's own events: decodes the messages of its topic exchange.

The body is `{"type": …, "data": {…}}`, the routing key `scope.uuid.resource.type.id`. The gateway gets an
event once for each of its scopes that has a binding; see `publication.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from zope.interface import implementer

from wsevents.api.events import Body, Dropped, Event, Exchange
from wsevents.api.interfaces import ISource
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.topic import AGENT, CUSTOMER

if TYPE_CHECKING:
    from wsevents.api.events import Binding, Delivery

NAME = "voipbin"
"""`Event.source` of these events."""

NO_BODY = Dropped("VoIPBIN: the body is not a JSON object")
NO_TYPE = Dropped("VoIPBIN: no type with an underscore")
NO_DATA = Dropped("VoIPBIN: data is not a JSON object")
NO_OWNER = Dropped("VoIPBIN: neither customer nor owner")


@implementer(ISource)
@frozen
class VoipbinSource:
    """The source for VoIPBIN's exchange. It has no bindings of its own: the interests of peers add them.

    Attributes:
        exchange: durable, of type topic.
    """

    exchange: Exchange
    name: str = NAME
    bindings: tuple[Binding, ...] = ()

    def decode(self, delivery: Delivery) -> Event | Dropped:
        """Return the event, with the customer as tenant and the owner as user."""
        body = Body(delivery.body)
        if body.json is None:
            return NO_BODY
        kind, resource = body.json.get("type"), body.json.get("data")
        if not isinstance(kind, str) or "_" not in kind:
            return NO_TYPE
        if not isinstance(resource, dict):
            return NO_DATA
        customer, owner = canonical(resource.get("customer_id")), owner_of(resource)
        if customer is None and owner is None:
            return NO_OWNER
        return Event(
            source=self.name,
            name=kind,
            body=body,
            required=None,
            tenant=customer,
            users=() if owner is None else (owner,),
            headers=delivery.headers,
            exchange=delivery.exchange,
            key=delivery.key,
            received=delivery.received,
        )


def owner_of(resource: dict[str, Any]) -> str | None:
    """Return the uuid of the agent that a resource belongs to, or None."""
    return canonical(resource.get("owner_id"))


def message_scope(key: str) -> str | None:
    """Return the scope in a routing key, as "customer_id:C"; None: the key has no valid scope."""
    kind, _, rest = key.partition(".")
    uuid = canonical(rest.partition(".")[0])
    return f"{kind}:{uuid}" if kind in {CUSTOMER, AGENT} and uuid is not None else None
