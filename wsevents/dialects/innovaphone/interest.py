"""What an app may see of what it subscribed to, and where an event looks for it.

An app sees the events of its tenant, or of all tenants; of these what its ACL allows; of these what the
subscription names and its filter leaves. An event of the topic exchange of old that names no tenant is
of every tenant.
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
"""The event name that stands for all of them."""
_START, _NAME, _DATA = '{"mt":"Event","api":"Events"', ',"name":', ',"data":'


@implementer(IProjection)
@define(eq=False, slots=False)
class Projection:
    """An event for apps.

    Attributes:
        event: as the source decoded it.
        key: of its body that apps get as `data`; None: the whole body.
    """

    event: Event
    key: str | None

    @cached_property
    def addresses(self) -> tuple[Hashable, ...]:
        """By its name and at "*", of its tenant and of all."""
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
        """The body; empty, if it is no JSON object."""
        return self.event.body.json or {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """What filters look at first; empty, if that is no object."""
        data = self.body.get(self.key, self.body) if self.key is not None else self.body
        return data if isinstance(data, dict) else {}

    @cached_property
    def text(self) -> str | None:
        """The JSON text of `data`, as published; None: the body is no JSON object."""
        if self.event.body.json is None:
            return None
        text = self.event.body.raw.decode("utf-8")
        if self.key is None or self.key not in self.body:
            return text
        try:
            return parse_parts(text)[self.key].text
        except ValueError:  # a key that is there twice
            return json.dumps(self.body[self.key])

    def encode(self, src: str | None) -> bytes | None:
        """Return the frame for a subscription with this `src` (JSON text; None: without one)."""
        if self.text is None:
            return None
        told = "" if src is None else f',"src":{src}'
        name = json.dumps(self.event.name)
        return f"{_START}{told}{_NAME}{name}{_DATA}{self.text}}}".encode()


@implementer(IInterest)
@frozen(cache_hash=True)
class Interest:
    """One subscription of one app. Equal for all who see the same in the same frames.

    Attributes:
        names: of events, "*" for all; sorted, each once.
        filter: what must hold of an event besides.
        src: JSON text of the subscription's `src`; None: it has none.
        tenant: whose events; None: of all tenants.
        access, me: the compiled ACL, and who "me" is in it.
    """

    names: tuple[str, ...]
    filter: Filter
    src: str | None
    tenant: str | None
    access: Access
    me: str

    @property
    def asked(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    @property
    def shape(self) -> str | None:
        """The `src` is in each frame; nothing else makes a difference."""
        return self.src

    @property
    def addresses(self) -> tuple[Hashable, ...]:
        """Each name, for its tenant and for events of every tenant, or for all."""
        scopes = [("all",)] if self.tenant is None else [("tenant", self.tenant), ("public",)]
        return tuple((*scope, name) for scope in scopes for name in self.names)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """None: the source is bound as a whole."""
        return ()

    def choose(self, projection: Projection) -> bool | None:
        """Let ACL and filter decide: the address has decided the rest."""
        if not self.access.may_see(projection.event.required, self.me):
            return None
        return self.filter.takes(projection.data, projection.body) or None
