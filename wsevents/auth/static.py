"""Tokens from the configuration: for tests, demonstrations and sites without wazo-auth."""

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
"""Seconds during which a token is rejected after `expires_in`; then its next use starts it again."""
_STOPPED = "the authenticator is not running"
_CLAIM = "token_digest"
"""The claim that holds the digest of an identity's token."""


def _epoch(value: Any) -> float:
    """Return the time of an `expires_at`, in seconds since the epoch.

    Raises:
        ValueError: the value is not a time.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    try:
        if isinstance(value, date):  # YAML parses an unquoted date or time
            return epoch(value if isinstance(value, datetime) else datetime.combine(value, time()))
        if isinstance(value, str):
            return moment(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time in ISO 8601 or in seconds since the epoch")


def _time(_: object, __: Any, value: Any) -> None:
    if value is not None:
        _epoch(value)


def _exclusive(token: StaticToken, attribute: Any, value: float | None) -> None:
    if value is None:
        return
    if token.expires_at is not None:
        raise ValueError("cannot be given together with expires_at")
    positive(token, attribute, value)


def _usable(_: object, __: Any, tokens: dict[str, StaticToken]) -> None:
    """Attrs validator: there is at least one token, and no token is blank."""
    if not tokens:
        raise ValueError("must have at least one token, otherwise no client can connect")
    if not all(token.strip() for token in tokens):
        raise ValueError("has a blank token")


@frozen(kw_only=True)
class StaticToken:
    """`auth.tokens.<token>`: the user of a token and its permissions."""

    uuid: str = key(NOTHING, 'Uuid of the user; "me" in an ACL.', check=filled)
    tenant_uuid: str = key(NOTHING, "Uuid of the tenant.", check=filled)
    acl: list[str] = key([], 'ACL patterns; they must grant "websocketd".')
    admin: bool = key(False, "The token grants all events of its tenant, not only those for its user.")
    master: bool = key(False, "The token grants the events of every tenant.")
    session_uuid: str | None = key(None, 'Uuid of the login session; "my_session" in an ACL.', check=filled)
    expires_at: str | datetime | date | float | None = key(
        None, "Expiry: ISO 8601 (UTC unless it has a zone) or seconds since the epoch.", check=_time
    )
    expires_in: float | None = key(
        None,
        "Expiry in seconds after the first use, for demonstrations; soon after, the token is valid again.",
        check=_exclusive,
    )

    @property
    def reach(self) -> str:
        """The value of `Identity.reach`."""
        if self.master:
            return "all"
        return "tenant" if self.admin else "user"


@frozen(kw_only=True)
class StaticAuth(Auth):
    """`auth:` of type static."""

    # The keys of this map are secrets, therefore repr=False.
    tokens: dict[str, StaticToken] = field(
        repr=False,
        metadata={"doc": "The tokens, each with its user and permissions.", "live": True},
        validator=_usable,
    )


@implementer(IAuthenticator, IReloadable)
class StaticAuthenticator(Service):
    """Answers from the table of configured tokens, which a reload replaces."""

    settings = StaticAuth

    def __init__(self, settings: StaticAuth) -> None:
        """Read the tokens of an `auth:` section."""
        self._digest = TokenDigest()
        self._tokens = self._table(settings)
        self._started: dict[bytes, float] = {}
        self._watchers: list[Callable[[], None]] = []

    @classmethod
    def create(cls, settings: StaticAuth, reactor: Any) -> StaticAuthenticator:  # noqa: ARG003 part of the interface
        return cls(settings)

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        return succeed(self._answer(question, now) if self.running else Unavailable(_STOPPED))

    def reconfigure(self, settings: StaticAuth) -> None:
        """Replace the tokens, and notify the watchers: identities may have changed or become invalid."""
        self._tokens = self._table(settings)
        self._started = {token: started for token, started in self._started.items() if token in self._tokens}
        for changed in self._watchers:
            changed()

    def _table(self, settings: StaticAuth) -> dict[bytes, StaticToken]:
        return {self._digest.of(token): entry for token, entry in settings.tokens.items()}

    def revise(self, identity: Identity) -> Answer:
        """Return the identity of its token now, or Denied; another authenticator's identity is unchanged."""
        token = identity.claims.get(_CLAIM)
        if token is None:
            return identity
        entry = self._tokens.get(token)
        if entry is None:
            return Denied("the token was removed from the configuration")
        return _allowed(self._identity(token, entry, self._expiry(token, entry)))

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each `reconfigure`."""
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
        return identity if isinstance(identity, Denied) else _allowed(identity)

    def _describe(self, token: str, now: float) -> Identity | Denied:
        key = self._digest.of(token)
        entry = self._tokens.get(key)
        if entry is None or not token.strip():
            return Denied("the token is not in the configuration")
        self._start(key, entry, now)
        expires = self._expiry(key, entry)
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

    def _start(self, key: bytes, entry: StaticToken, now: float) -> None:
        """Start the lifetime of a token at its first use, and again ENDED_SECONDS after it expired."""
        if entry.expires_in is None:
            return
        started = self._started.get(key)
        if started is None or not started <= now < started + entry.expires_in + ENDED_SECONDS:
            self._started[key] = now

    def _expiry(self, key: bytes, entry: StaticToken) -> float | None:
        """Return when a token expires; None if it never expires or has not been used yet."""
        if entry.expires_in is not None:
            return self._started[key] + entry.expires_in if key in self._started else None
        return None if entry.expires_at is None else _epoch(entry.expires_at)


def _allowed(identity: Identity) -> Identity | Denied:
    """Return the identity if its ACL allows a connection, else Denied."""
    if not compile_acl(identity.acl).may_see("websocketd", me=identity.subject, session=identity.session):
        return Denied("the token does not grant websocketd")
    return identity
