"""Which events a Wazo peer gets: its subscriptions, limited by its tenant, its user and its ACL.

The reach of an identity selects the events that its ACL then filters:

* "user": the events of its tenant that are addressed to this user or to all users of the tenant;
* "tenant": all events of its tenant;
* "all" (the master tenant): all events.

Events of Wazo's former topic exchange are public: only name and ACL count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from zope.interface import implementer

from wsevents.api.interests import IInterest, IProjection
from wsevents.core.acl import compile_acl

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from wsevents.api.events import Binding, Event
    from wsevents.api.identity import Identity
    from wsevents.core.acl import Access

EVERY = "*"
"""The event name that matches all events."""


@implementer(IProjection)
@frozen(eq=False)
class WazoProjection:
    """An event with the addresses of its audiences."""

    event: Event
    addresses: tuple[Hashable, ...]


def project(event: Event) -> WazoProjection:
    """Return the projection of an event, with addresses for its name and for "*"."""
    addresses: list[Hashable] = []
    for name in (event.name, EVERY):
        addresses += _addresses(event, name)
    return WazoProjection(event, tuple(addresses))


def _addresses(event: Event, name: str) -> Iterable[Hashable]:
    if event.public:
        yield "public", name
        return
    yield "all", name
    if event.tenant is not None:
        yield "tenant", event.tenant, name
        if event.everyone:
            yield "everyone", event.tenant, name
        for user in event.users:
            yield "user", event.tenant, user, name


@implementer(IInterest)
@frozen(cache_hash=True)
class WazoInterest:
    """The events of one name (or "*") that one identity may see, in one version of the protocol.

    Peers that see the same events have equal interests: `subject` is "" and `session` is None if no
    decision depends on them.

    Attributes:
        name: of the events; "*": all.
        shape: version of the protocol, "v1" or "v2".
        reach, tenant, subject, session: as in `Identity`.
        access: the compiled ACL.
    """

    name: str
    shape: str
    reach: str
    tenant: str
    subject: str
    session: str | None
    access: Access

    @property
    def addresses(self) -> tuple[Hashable, ...]:
        """One address for public events of the name, and those of the reach."""
        public = ("public", self.name)
        if self.reach == "all":
            return public, ("all", self.name)
        if self.reach == "tenant":
            return public, ("tenant", self.tenant, self.name)
        return public, ("everyone", self.tenant, self.name), ("user", self.tenant, self.subject, self.name)

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Empty: the source binds the whole exchange."""
        return ()

    def choose(self, projection: WazoProjection) -> bool | None:
        """Return True if the ACL permits the event. Name, tenant and user already match by address."""
        required = projection.event.required
        return self.access.may_see(required, self.subject, self.session) or None


def interest(identity: Identity, name: str, shape: str) -> WazoInterest:
    """Return the interest of an identity in the events of a name; "*": in all events."""
    access = compile_acl(identity.acl)
    subject, session = identity.subject, identity.session
    if not access.personal:
        session = None
        if identity.reach != "user":
            subject = ""
    return WazoInterest(name, shape, identity.reach, identity.tenant, subject, session, access)
