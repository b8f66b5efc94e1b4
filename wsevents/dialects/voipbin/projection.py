"""The projection of an event from VoIPBIN, and of a generic event that is mapped to VoIPBIN's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from zope.interface import implementer

from wsevents.api.interests import IProjection
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.publication import publish
from wsevents.dialects.voipbin.source import message_scope
from wsevents.dialects.voipbin.topic import scope_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.api.events import Event
    from wsevents.dialects.voipbin.publication import Publication
    from wsevents.dialects.voipbin.settings import Generic

ANY = "*"
"""The address of audiences with a topic that has no scope."""


@implementer(IProjection)
@frozen(eq=False)
class VoipbinProjection:
    """An event with its publication.

    Attributes:
        event: as decoded by the source.
        publication: the type, the resource and the topics.
        served: the topics whose subscribers get this message; other copies of the event serve the rest.
        addresses: the scopes of the topics, and `ANY`.
    """

    event: Event
    publication: Publication
    served: frozenset[str]
    addresses: tuple[Hashable, ...]


def project_own(event: Event) -> VoipbinProjection | None:
    """Return the projection of an event from VoIPBIN's exchange; None: it has no resource or no recipient."""
    resource = (event.body.json or {}).get("data")
    if not isinstance(resource, dict):
        return None
    publication = publish(event.name, resource, event.tenant, event.users)
    return None if publication is None else _projection(event, publication, message_scope(event.key))


def project_generic(event: Event, generic: Generic) -> VoipbinProjection | None:
    """Return the projection of a generic event; None: VoIPBIN has no such event."""
    kind = generic.names.get(event.name, event.name)
    customer = canonical(event.tenant)
    if customer is None or "_" not in kind or event.body.json is None:
        return None
    resource = _resource(event.body.json, customer, generic)
    owners = [uuid for user in event.users if (uuid := canonical(user))]
    publication = publish(kind, resource, customer, owners)
    return None if publication is None else _projection(event, publication, None)


def _resource(body: dict[str, Any], customer: str, generic: Generic) -> dict[str, Any]:
    """Return `data` of a generic event, or else its body, with the properties of a VoIPBIN resource."""
    data = body.get("data")
    resource = dict(data) if isinstance(data, dict) else dict(body)
    for name, origins in generic.properties.items():
        value = next((resource[origin] for origin in origins if resource.get(origin) is not None), None)
        if value is not None:
            resource[name] = value
    resource["customer_id"] = customer
    return resource


def _projection(event: Event, publication: Publication, copy: str | None) -> VoipbinProjection:
    """Return the projection of a message.

    Args:
        event: the event.
        publication: of the event.
        copy: the scope that this message is for; None: the event has one message for all scopes.
    """
    topics = publication.topics
    served = frozenset(topic for topic in topics if copy is None or publication.serving_scope(topic) == copy)
    scopes = dict.fromkeys(scope for topic in topics if (scope := scope_of(topic)))
    return VoipbinProjection(event, publication, served, (*scopes, ANY))
