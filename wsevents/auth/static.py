"""Tokens that the configuration lists: for trying things out, and for sites without wazo-auth."""

from __future__ import annotations

from datetime import date, datetime, time
from math import isfinite
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import succeed
from zope.interface import implementer

from wsevents.api.identity import Check, Confirmed, Denied, Describe, Identity, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthenticator, IReloadable
from wsevents.api.settings import Auth, filled, key, positive
from wsevents.auth.token_digest import TokenDigest
from wsevents.auth.wazo_token import epoch, moment
from wsevents.core.acl import compile_acl

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from twisted.internet.defer import Deferred

    from wsevents.api.identity import Answer

ENDED_SECONDS = 5.0
"""How long a token that ended after so many seconds is refused, before it begins anew."""
_CLAIM = "fingerprint"
"""The claim that holds the fingerprint of an identity's token."""


def _epoch(value: Any) -> float:
    """Return the time that `expires_at` means, in seconds since the epoch.

    Raises:
        ValueError: it means none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    try:
        if isinstance(value, date):  # YAML makes these itself of a text without quotes
            return epoch(value if isinstance(value, datetime) else datetime.combine(value, time()))
        if isinstance(value, str):
            return moment(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time in ISO 8601 or in seconds since the epoch")


def _time(_: object, __: Any, value: Any) -> None:
    if value is not None:
        _epoch(value)


def _alone(token: StaticToken, attribute: Any, value: float | None) -> None:
    if value is None:
        return
    if token.expires_at is not None:
        raise ValueError("cannot be given together with expires_at")
    positive(token, attribute, value)


def _usable(_: object, __: Any, tokens: dict[str, StaticToken]) -> None:
    """Attrs validator: somebody can come in, and nobody without a token."""
    if not tokens:
        raise ValueError("must have at least one token, or nobody can connect")
    if not all(token.strip() for token in tokens):
        raise ValueError("has a token that is blank")


@frozen(kw_only=True)
class StaticToken:
    """`auth.tokens.<token>`: whose token it is and what it may see."""

    uuid: str = key(NOTHING, 'Uuid of its user, "me" in an ACL.', check=filled)
    tenant_uuid: str = key(NOTHING, "Uuid of its tenant.", check=filled)
    acl: list[str] = key([], 'ACL patterns; "websocketd" must be among what they grant.')
    admin: bool = key(False, "It sees all of its tenant, not only what is for its user.")
    master: bool = key(False, "It sees every tenant.")
    session_uuid: str | None = key(None, 'Uuid of its login session, "my_session" in an ACL.', check=filled)
    expires_at: str | datetime | date | float | None = key(
        None, "When it ends: ISO 8601 (UTC unless it says otherwise) or seconds since the epoch.", check=_time
    )
    expires_in: float | None = key(
        None,
        "Seconds after its first use when it ends, for showing what that looks like; soon it begins anew.",
        check=_alone,
    )

    @property
    def reach(self) -> str:
        """As in `Identity.reach`."""
        if self.master:
            return "all"
        return "tenant" if self.admin else "user"


@frozen(kw_only=True)
class StaticAuth(Auth):
    """`auth:` of type static."""

    # The keys of this map are secrets themselves: it is never shown.
    tokens: dict[str, StaticToken] = field(
        repr=False,
        metadata={"doc": "The tokens, each with whom it belongs to.", "live": True},
        validator=_usable,
    )


@implementer(IAuthenticator, IReloadable)
class StaticAuthenticator(Service):
    """Answers from a table, which a reload replaces."""

    settings = StaticAuth

    def __init__(self, settings: StaticAuth) -> None:
        """Take the tokens of an `auth:` section."""
        self._digest = TokenDigest()
        self._tokens = self._table(settings)
        self._began: dict[bytes, float] = {}
        self._watchers: list[Callable[[], None]] = []

    @classmethod
    def create(cls, settings: StaticAuth, reactor: Any) -> StaticAuthenticator:  # noqa: ARG003 it needs none
        """Return an authenticator with these tokens."""
        return cls(settings)

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer at once."""
        return succeed(self._answer(question, now) if self.running else Unavailable("not running"))

    def reconfigure(self, settings: StaticAuth) -> None:
        """Take these tokens instead; who came with one that is gone or says other things hears of it."""
        self._tokens = self._table(settings)
        self._began = {token: began for token, began in self._began.items() if token in self._tokens}
        for changed in self._watchers:
            changed()

    def _table(self, settings: StaticAuth) -> dict[bytes, StaticToken]:
        return {self._digest.of(token): entry for token, entry in settings.tokens.items()}

    def revise(self, identity: Identity) -> Answer:
        """Say what its token is worth now; an identity of somebody else's stays as it is."""
        token = identity.claims.get(_CLAIM)
        if token is None:
            return identity
        entry = self._tokens.get(token)
        if entry is None:
            return Denied("the token is no longer among the configured ones")
        return _admitted(self._identity(token, entry, self._ends(token, entry)))

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each `renew`."""
        self._watchers.append(changed)

    def _answer(self, question: Hashable, now: float) -> Answer:
        if isinstance(question, WhoIs):
            return self._identify(question.token, now)
        if isinstance(question, Check):
            answer = self._identify(question.token, now)
            return Confirmed() if isinstance(answer, Identity) else answer
        if isinstance(question, Describe):
            return self._describe(question.token, now)
        return Unavailable(f"static tokens do not answer {type(question).__name__}")

    def _identify(self, token: str, now: float) -> Identity | Denied:
        identity = self._describe(token, now)
        return identity if isinstance(identity, Denied) else _admitted(identity)

    def _describe(self, token: str, now: float) -> Identity | Denied:
        key = self._digest.of(token)
        entry = self._tokens.get(key)
        if entry is None or not token.strip():
            return Denied("the token is not among the configured ones")
        self._begin(key, entry, now)
        expires = self._ends(key, entry)
        if expires is not None and expires <= now:
            return Denied("the token has expired")
        return self._identity(key, entry, expires)

    def _identity(self, key: bytes, entry: StaticToken, expires: float | None) -> Identity:
        return Identity(
            subject=entry.uuid,
            tenant=entry.tenant_uuid,
            acl=tuple(entry.acl),
            session=entry.session_uuid,
            reach=entry.reach,
            expires=expires,
            claims={_CLAIM: key},
        )

    def _begin(self, key: bytes, entry: StaticToken, now: float) -> None:
        """Count the seconds of a token from its first use, and anew some time after its end."""
        if entry.expires_in is None:
            return
        began = self._began.get(key)
        if began is None or not began <= now < began + entry.expires_in + ENDED_SECONDS:
            self._began[key] = now

    def _ends(self, key: bytes, entry: StaticToken) -> float | None:
        """Return when a token ends; None: never, or so many seconds after a first use that is yet to come."""
        if entry.expires_in is not None:
            return self._began[key] + entry.expires_in if key in self._began else None
        return None if entry.expires_at is None else _epoch(entry.expires_at)


def _admitted(identity: Identity) -> Identity | Denied:
    """Return the identity of somebody who may connect."""
    if not compile_acl(identity.acl).may_see("websocketd", me=identity.subject, session=identity.session):
        return Denied("the token does not grant websocketd")
    return identity
