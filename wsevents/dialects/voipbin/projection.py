"""An event as this dialect sees it: VoIPBIN's own, or made of a generic one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from zope.interface import implementer

from wsevents.api.interests import IProjection
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.publication import publish
from wsevents.dialects.voipbin.source import copy_of
from wsevents.dialects.voipbin.topic import place_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.api.events import Event
    from wsevents.dialects.voipbin.publication import Publication
    from wsevents.dialects.voipbin.settings import Generic

ANY = "*"
"""Where those listen whose topics are of no scope."""


@implementer(IProjection)
@frozen(eq=False)
class VoipbinProjection:
    """An event with what it is published as.

    Attributes:
        event: as it came.
        publication: for whom and as what.
        served: the topics for which this message of it counts.
        addresses: its scopes.
    """

    event: Event
    publication: Publication
    served: frozenset[str]
    addresses: tuple[Hashable, ...]


def own(event: Event) -> VoipbinProjection | None:
    """Return the projection of an event of VoIPBIN's exchange."""
    resource = (event.body.json or {}).get("data")
    if not isinstance(resource, dict):
        return None
    publication = publish(event.name, resource, event.tenant, event.users)
    return None if publication is None else _projection(event, publication, copy_of(event.key))


def mapped(event: Event, generic: Generic) -> VoipbinProjection | None:
    """Return the projection of a generic event; None: it is nothing that VoIPBIN has."""
    kind = generic.names.get(event.name, event.name)
    customer = canonical(event.tenant)
    if customer is None or "_" not in kind or event.body.json is None:
        return None
    resource = _resource(event.body.json, customer, generic)
    owners = [uuid for user in event.users if (uuid := canonical(user))]
    publication = publish(kind, resource, customer, owners)
    return None if publication is None else _projection(event, publication, None)


def _resource(body: dict[str, Any], customer: str, generic: Generic) -> dict[str, Any]:
    """Return `data` of a generic event, or all of it, with what a VoIPBIN resource has besides."""
    data = body.get("data")
    resource = dict(data) if isinstance(data, dict) else dict(body)
    for name, origins in generic.properties.items():
        value = next((resource[origin] for origin in origins if resource.get(origin) is not None), None)
        if value is not None:
            resource[name] = value
    resource["customer_id"] = customer
    return resource


def _projection(event: Event, publication: Publication, copy: str | None) -> VoipbinProjection:
    """Put it together; `copy` is the scope that the message is for, None: there is one for all of them."""
    topics = publication.topics
    served = frozenset(topic for topic in topics if copy is None or publication.home(topic) == copy)
    places = dict.fromkeys(place for topic in topics if (place := place_of(topic)))
    return VoipbinProjection(event, publication, served, (*places, ANY))
