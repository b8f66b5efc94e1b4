"""What an iSymphony peer may see of what it asked for, and where an event looks for it.

An account sees its tenant's events, or all, as far as its ACL goes; which user they are for makes no
difference. An event of the topic exchange of old that names no tenant is every account's.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from attrs import define, frozen
from zope.interface import implementer

from wsevents.api.interests import IInterest, IProjection
from wsevents.core.acl import compile_acl
from wsevents.dialects.isymphony.filters import texts

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.api.events import Binding, Event
    from wsevents.api.identity import Identity
    from wsevents.core.acl import Access
    from wsevents.dialects.isymphony.filters import Filters
    from wsevents.dialects.isymphony.mapping import MappedEvent

INDEXED = 64
"""Types by which one peer is found; one that asks for more is found by every type, and then looks."""


@implementer(IProjection)
@define(eq=False)
class IsymphonyProjection:
    """An event in iSymphony's words, with the addresses at which its audiences are."""

    report: MappedEvent
    addresses: tuple[Hashable, ...]

    @cached_property
    def texts(self) -> dict[str, str] | None:
        """Its properties as filters see them; None if the event cannot be sent anyway."""
        properties = self.report.properties
        return None if properties is None else texts(properties)


def project(report: MappedEvent) -> IsymphonyProjection:
    """Say where the audiences of an event are: by its type, and with those who take every type."""
    places = _places(report.event)
    return IsymphonyProjection(
        report, tuple((*place, kind) for place in places for kind in (report.kind, None))
    )


def _places(event: Event) -> tuple[tuple[str, ...], ...]:
    if event.tenant is not None:
        return ("all",), ("tenant", event.tenant)
    return (("all",), ("public",)) if event.public else (("all",),)


@implementer(IInterest)
@frozen(cache_hash=True)
class IsymphonyInterest:
    """Events that match some filters and that one account may see; equal for all who see the same.

    Attributes:
        tenant: whose events; None: everybody's.
        subject: "" where it makes no difference.
    """

    filters: Filters
    tenant: str | None
    subject: str
    access: Access
    shape: ClassVar[str] = "event"
    bindings: ClassVar[tuple[Binding, ...]] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """The filters."""
        return self.filters.texts()

    @property
    def addresses(self) -> tuple[Hashable, ...]:
        """By type, as far as the filters name types."""
        kinds = self.filters.kinds
        places = (("all",),) if self.tenant is None else (("public",), ("tenant", self.tenant))
        found = (None,) if kinds is None or len(kinds) > INDEXED else sorted(kinds)
        return tuple((*place, kind) for place in places for kind in found)

    def choose(self, projection: IsymphonyProjection) -> bool | None:
        """Let the ACL decide, then the filters; the body is looked at only for those on properties."""
        report = projection.report
        if not self.access.may_see(report.event.required, self.subject):
            return None
        if not self.filters.others:
            return self.filters.match(report.kind, {}) or None
        properties = projection.texts
        return (properties is not None and self.filters.match(report.kind, properties)) or None


def interest(identity: Identity, filters: Filters) -> IsymphonyInterest:
    """Return an account's interest in the events that match."""
    access = compile_acl(identity.acl)
    tenant = None if identity.reach == "all" else identity.tenant
    return IsymphonyInterest(filters, tenant, identity.subject if access.personal else "", access)
