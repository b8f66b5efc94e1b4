"""What a Wazo peer may see of what it asked for, and where an event looks for it.

An ordinary user sees events of its tenant that are for itself or for everyone; whoever reaches the
tenant sees all of the tenant's; the master tenant sees all. The ACL comes on top for everybody.
Events of the topic exchange of old are public: only name and ACL decide.
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
"""The event name that stands for all of them."""


@implementer(IProjection)
@frozen(eq=False)
class WazoProjection:
    """An event, with the addresses at which its audiences are."""

    event: Event
    addresses: tuple[Hashable, ...]


def project(event: Event) -> WazoProjection:
    """Say where the audiences of an event are: by its name and at "*"."""
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
    """Events of one name (or "*") that one identity may see, in one version of the protocol.

    Equal for all who see the same: `subject` and `session` are "" and None where they make no difference.
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
        """The public events of the name, and those of its reach."""
        public = ("public", self.name)
        if self.reach == "all":
            return public, ("all", self.name)
        if self.reach == "tenant":
            return public, ("tenant", self.tenant, self.name)
        return public, ("everyone", self.tenant, self.name), ("user", self.tenant, self.subject, self.name)

    @property
    def asked(self) -> tuple[str, ...]:
        """The name."""
        return (self.name,)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """None: the source is bound as a whole."""
        return ()

    def choose(self, projection: WazoProjection) -> bool | None:
        """Let the ACL decide: the address has decided the rest."""
        required = projection.event.required
        return self.access.may_see(required, self.subject, self.session) or None


def interest(identity: Identity, name: str, shape: str) -> WazoInterest:
    """Return an identity's interest in the events of a name, or in all of them ("*")."""
    access = compile_acl(identity.acl)
    subject, session = identity.subject, identity.session
    if not access.personal:
        session = None
        if identity.reach != "user":
            subject = ""
    return WazoInterest(name, shape, identity.reach, identity.tenant, subject, session, access)
