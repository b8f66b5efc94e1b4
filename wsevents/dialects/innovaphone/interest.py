"""Which events an app gets.

Four conditions must hold:

* the event belongs to the tenant of the app, or the app sees all tenants;
* the ACL of the app permits the event;
* the subscription contains the name of the event;
* the filter of the subscription matches the event.

An event of Wazo's former topic exchange without a tenant belongs to every tenant.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define, frozen
from zope.interface import implementer

from wsevents.api.interests import IInterest, IProjection
from wsevents.core.json_members import parse_parts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from wsevents.api.events import Binding, Event
    from wsevents.core.acl import Access
    from wsevents.dialects.innovaphone.filter import Filter

EVERY = "*"
"""The event name that matches all events."""
_START, _NAME, _DATA = '{"mt":"Event","api":"Events"', ',"name":', ',"data":'


@implementer(IProjection)
@define(eq=False, slots=False)
class Projection:
    """An event as apps get it.

    Attributes:
        event: as decoded by the source.
        key: key of the body whose value apps get as `data`; None: apps get the whole body.
    """

    event: Event
    key: str | None

    @cached_property
    def addresses(self) -> tuple[Hashable, ...]:
        """The addresses for the name and for "*", each for the tenant and for apps that see all tenants."""
        return tuple(self._addresses())

    def _addresses(self) -> Iterator[Hashable]:
        event = self.event
        for name in (event.name, EVERY):
            yield "all", name
            if event.tenant is not None:
                yield "tenant", event.tenant, name
            elif event.public:
                yield "public", name

    @cached_property
    def body(self) -> dict[str, Any]:
        """The body; empty if it is not a JSON object."""
        return self.event.body.json or {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """The object in which filters look first: `data` of the message; empty if that is not an object."""
        data = self.body.get(self.key, self.body) if self.key is not None else self.body
        return data if isinstance(data, dict) else {}

    @cached_property
    def text(self) -> str | None:
        """The JSON text of `data` as published; None: the body is not a JSON object."""
        if self.event.body.json is None:
            return None
        text = self.event.body.raw.decode("utf-8")
        if self.key is None or self.key not in self.body:
            return text
        try:
            return parse_parts(text)[self.key].text
        except ValueError:  # the body has a key twice
            return json.dumps(self.body[self.key])

    def encode(self, src: str | None) -> bytes | None:
        """Return the message for subscriptions with this `src`, or None if the body is no JSON object.

        Args:
            src: JSON text; None: the subscription has no `src`.
        """
        if self.text is None:
            return None
        source = "" if src is None else f',"src":{src}'
        name = json.dumps(self.event.name)
        return f"{_START}{source}{_NAME}{name}{_DATA}{self.text}}}".encode()


@implementer(IInterest)
@frozen(cache_hash=True)
class Interest:
    """One subscription of one app. Subscriptions that get the same frames are equal.

    Attributes:
        names: event names, sorted and unique; "*": all events.
        filter: condition on the properties of an event.
        src: JSON text of the `src` of the subscription; None: it has none.
        tenant: uuid of the tenant of the events; None: all tenants.
        access: the compiled ACL.
        me: the subject that "me" in the ACL stands for; "" if the ACL does not contain it.
    """

    names: tuple[str, ...]
    filter: Filter
    src: str | None
    tenant: str | None
    access: Access
    me: str

    @property
    def asked(self) -> tuple[str, ...]:
        return self.names

    @property
    def shape(self) -> str | None:
        """The `src`: frames of one event differ in nothing else."""
        return self.src

    @property
    def addresses(self) -> tuple[Hashable, ...]:
        """One address for each name and scope: the tenant and events without a tenant, or all events."""
        scopes = [("all",)] if self.tenant is None else [("tenant", self.tenant), ("public",)]
        return tuple((*scope, name) for scope in scopes for name in self.names)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Empty: the source binds the whole exchange."""
        return ()

    def choose(self, projection: Projection) -> bool | None:
        """Return True if ACL and filter match. Name and tenant already match by address."""
        if not self.access.may_see(projection.event.required, self.me):
            return None
        return self.filter.matches(projection.data, projection.body) or None
