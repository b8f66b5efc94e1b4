"""VoIPBIN's own events: what a message of its topic exchange means.

The body is `{"type": …, "data": {…}}`, the routing key `scope.uuid.resource.type.id`. One event comes
once for each scope that it concerns and that somebody has had bound: see `publication.py`.
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
NOBODY = Dropped("VoIPBIN: neither customer nor owner")


@implementer(ISource)
@frozen
class VoipbinSource:
    """The exchange; nothing of it is bound before somebody subscribes.

    Attributes:
        exchange: of type topic, durable.
    """

    exchange: Exchange
    name: str = NAME
    bindings: tuple[Binding, ...] = ()

    def decode(self, delivery: Delivery) -> Event | Dropped:
        """Return the event: its tenant is the customer, its user the owner."""
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
            return NOBODY
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
    """Return the uuid of the agent that a resource belongs to, if there is one."""
    return canonical(resource.get("owner_id"))


def copy_of(key: str) -> str | None:
    """Return the scope that a message is for, as "customer_id:C", or None if its key says none."""
    scope, _, rest = key.partition(".")
    uuid = canonical(rest.partition(".")[0])
    return f"{scope}:{uuid}" if scope in {CUSTOMER, AGENT} and uuid is not None else None
