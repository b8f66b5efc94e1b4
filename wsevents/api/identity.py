"""Identities, and the other answers that an authority gives to questions about tokens.

Times are seconds since the Unix epoch (wall time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Identity:
    """The owner of a token and the owner's rights.

    Attributes:
        subject: uuid of the user or service; `me` in an ACL stands for it.
        tenant: uuid of the owner's tenant.
        acl: ACL patterns; a leading "!" marks a negative pattern.
        session: uuid of the login session, or None; `my_session` in an ACL stands for it.
        reach: the visible events. "user": of the tenant, addressed to this user or to every user;
            "tenant": all of the tenant; "all": all of every tenant.
        expires: expiry time of the token, or None.
        claims: further data from the authority, for dialects that need it.
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
    """The authority rejected the token. `why` is for the log and contains no secret."""

    why: str


@frozen
class Unavailable:
    """The authority did not respond, or its response was invalid. `why` is for the log."""

    why: str


@frozen
class Faulty:
    """The authority accepted the token, but its response lacks required data. `why` is for the log."""

    why: str


@frozen
class Confirmed:
    """The token of a `Check` is still valid."""


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
