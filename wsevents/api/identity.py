"""Questions about tokens, and the answers: who a token belongs to and what it may see.

Times are seconds since the Unix epoch (wall time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Identity:
    """Who a token belongs to and what it may see.

    Attributes:
        subject: uuid of the user or service, "me" in an ACL.
        session: uuid of the login session, "my_session" in an ACL, or None.
        tenant: uuid of its tenant.
        acl: patterns, negative ones with a leading "!".
        reach: "user" (own and everyone's events of the tenant), "tenant" (all of the tenant), "all".
        expires: when the token ends, or None.
        claims: what else the authority said; for dialects that have more to decide.
    """

    subject: str
    tenant: str
    acl: tuple[str, ...]
    session: str | None = None
    reach: str = "user"
    expires: float | None = None
    claims: Mapping[str, Any] = field(factory=dict, eq=False, repr=False)


@frozen
class Denied:
    """The authority says no. `why` is for the log and holds no secret."""

    why: str


@frozen
class Unavailable:
    """The authority could not be asked, or gave no sensible answer. `why` is for the log."""

    why: str


@frozen
class Faulty:
    """The authority said yes, but its answer lacks what a session needs. `why` is for the log."""

    why: str


@frozen
class Confirmed:
    """The token of a `Check` is still good."""


Answer = Identity | Denied | Unavailable | Faulty | Confirmed


@frozen
class WhoIs:
    """Question: whose token is this? Answered with an Identity, Denied, Unavailable or Faulty."""

    token: str = field(repr=False)


@frozen
class Check:
    """Question: is this token still good? Answered with Confirmed, Denied or Unavailable."""

    token: str = field(repr=False)


@frozen
class Describe:
    """Question of an administrator: whose token is this, whether or not it may connect?

    Answered as a WhoIs, or with Unavailable by an authority that does not know the question.
    """

    token: str = field(repr=False)
