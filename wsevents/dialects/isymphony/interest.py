"""Which events an iSymphony peer gets: those that its filters match and its account may see.

An account sees the events of its tenant, or of all tenants, that its ACL permits. The users of an event
make no difference. An event of Wazo's former topic exchange without a tenant belongs to every account.
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
"""Types in the addresses of an interest, at most; one with more types has an address for all events."""


@implementer(IProjection)
@define(eq=False)
class IsymphonyProjection:
    """A mapped event with the addresses of its audiences."""

    mapped: MappedEvent
    addresses: tuple[Hashable, ...]

    @cached_property
    def texts(self) -> dict[str, str] | None:
        """The properties in the form that filters compare; None: the event cannot be sent."""
        properties = self.mapped.properties
        return None if properties is None else texts(properties)


def project(mapped: MappedEvent) -> IsymphonyProjection:
    """Return the projection of an event, with addresses for its type and for every type."""
    scopes = _scopes(mapped.event)
    return IsymphonyProjection(
        mapped, tuple((*scope, kind) for scope in scopes for kind in (mapped.kind, None))
    )


def _scopes(event: Event) -> tuple[tuple[str, ...], ...]:
    if event.tenant is not None:
        return ("all",), ("tenant", event.tenant)
    return (("all",), ("public",)) if event.public else (("all",),)


@implementer(IInterest)
@frozen(cache_hash=True)
class IsymphonyInterest:
    """The events that match the filters of a peer and that its account may see.

    Peers that see the same events have equal interests.

    Attributes:
        filters: the filters of the peer.
        tenant: uuid of the tenant of the events; None: all tenants.
        subject: stands for "me" in the ACL; "" if no decision depends on it.
        access: the compiled ACL.
    """

    filters: Filters
    tenant: str | None
    subject: str
    access: Access
    shape: ClassVar[str] = "event"
    bindings: ClassVar[tuple[Binding, ...]] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        return self.filters.texts()

    @property
    def addresses(self) -> tuple[Hashable, ...]:
        """One address for each type in the filters; without types, or with too many, one for all types."""
        kinds = self.filters.kinds
        scopes = (("all",),) if self.tenant is None else (("public",), ("tenant", self.tenant))
        indexed = (None,) if kinds is None or len(kinds) > INDEXED else sorted(kinds)
        return tuple((*scope, kind) for scope in scopes for kind in indexed)

    def choose(self, projection: IsymphonyProjection) -> bool | None:
        """Return True if ACL and filters match. The body is parsed only for filters on other properties."""
        mapped = projection.mapped
        if not self.access.may_see(mapped.event.required, self.subject):
            return None
        if not self.filters.others:
            return self.filters.matches(mapped.kind, {}) or None
        properties = projection.texts
        return (properties is not None and self.filters.matches(mapped.kind, properties)) or None


def interest(identity: Identity, filters: Filters) -> IsymphonyInterest:
    """Return the interest of an account in the events that match the filters."""
    access = compile_acl(identity.acl)
    tenant = None if identity.reach == "all" else identity.tenant
    return IsymphonyInterest(filters, tenant, identity.subject if access.personal else "", access)
