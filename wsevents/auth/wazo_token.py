"""Interpret the responses of wazo-auth. Pure; no response makes a public function raise.

Rule 1: only status 200 with a complete token document gives an identity.
Rule 2: 401, 403 and 404 mean Denied. Every other status means Unavailable.
The shape of a token document is that of `GET /0.1/token/<id>` (docs/protocol/wazo.md).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from wsevents.api.identity import Confirmed, Denied, Faulty, Identity, Unavailable
from wsevents.api.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK = 200
_CONFIRMATIONS = frozenset({200, 204})
_DENIALS = {
    401: "wazo-auth does not accept the token",
    403: "the token does not grant websocketd",
    404: "the token is unknown or has expired",
}
_TENANT_WIDE = frozenset({"internal", "external_api"})
_LONGEST_TOKEN = 4096


class _Incomplete(Exception):  # noqa: N818 private to this module
    """A member of a token document is missing or unusable; the text names it."""


def plausible(token: str) -> bool:
    """Return whether a token may exist, so that a request makes sense.

    Blank and very long tokens cannot exist. Tokens that would change the path of the URL are rejected too.
    """
    if not token.strip() or len(token) > _LONGEST_TOKEN or token in {".", ".."}:
        return False
    return token.isprintable() and not set(token) & {"/", "\\"}


def answer_of(status: int, body: bytes, master: str | None) -> Identity | Denied | Unavailable | Faulty:
    """Return the answer that a response to `GET /0.1/token/<id>` means.

    Args:
        status: the HTTP status.
        body: the body of the response.
        master: uuid of the master tenant, or None if unknown.
    """
    if status in _DENIALS:
        return Denied(_DENIALS[status])
    if status != _OK:
        return Unavailable(f"wazo-auth answered with HTTP status {status}")
    try:
        document = parse_object(body)
    except ValueError:
        return Unavailable("wazo-auth answered with a body that is not a JSON object")
    return identity_of(document, master)


def confirmation_of(status: int) -> Confirmed | Denied | Unavailable:
    """Return the answer that a response to `HEAD /0.1/token/<id>` means."""
    if status in _CONFIRMATIONS:
        return Confirmed()
    if status in _DENIALS:
        return Denied(_DENIALS[status])
    return Unavailable(f"wazo-auth answered with HTTP status {status}")


def identity_of(document: Any, master: str | None) -> Identity | Faulty:
    """Return the identity in a token document.

    Args:
        document: any JSON value; expected is `{"data": {…}}`. The older key `acls` replaces a missing `acl`.
        master: uuid of the master tenant, or None if unknown.
    """
    try:
        data = _part(document, "data")
        metadata = _part(data, "metadata")
        purpose = metadata.get("purpose")
        identity = Identity(
            subject=_text(metadata, "uuid"),
            tenant=_text(metadata, "tenant_uuid"),
            acl=_patterns(data),
            session=_text(data, "session_uuid") if data.get("session_uuid") is not None else None,
            expires=_expiry(data.get("utc_expires_at")),
            claims={
                "admin": metadata.get("admin") is True,
                "purpose": purpose if isinstance(purpose, str) else None,
            },
        )
    except _Incomplete as error:
        return Faulty(f"the token document of wazo-auth {error}")
    return with_reach(identity, master)


def tenant_of(document: Any) -> str | None:
    """Return the uuid of the tenant in a token document (any JSON value), or None."""
    try:
        return _text(_part(_part(document, "data"), "metadata"), "tenant_uuid")
    except _Incomplete:
        return None


def with_reach(identity: Identity, master: str | None) -> Identity:
    """Return the identity with the reach that its tenant and claims give it.

    Users of the master tenant see every tenant. Administrators and services see all of their tenant.
    """
    return evolve(identity, reach=_reach(identity.tenant, identity.claims, master))


def _reach(tenant: str, claims: Mapping[str, Any], master: str | None) -> str:
    if tenant == master:
        return "all"
    if claims.get("admin") is True or claims.get("purpose") in _TENANT_WIDE:
        return "tenant"
    return "user"


def moment(text: str) -> float:
    """Return the time of an ISO 8601 text in seconds since the epoch; without a zone it is UTC.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    return epoch(datetime.fromisoformat(text))


def epoch(time: datetime) -> float:
    """Return a time in seconds since the epoch; without a zone it is UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _part(value: Any, name: str) -> dict[str, Any]:
    part = value.get(name) if isinstance(value, dict) else None
    if not isinstance(part, dict):
        raise _Incomplete(f"has no {name}")
    return part


def _text(part: dict[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise _Incomplete(f"has no usable {name}")
    return value


def _patterns(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the ACL. Servers from before 2021 call it `acls`."""
    patterns = data["acl"] if "acl" in data else data.get("acls")
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise _Incomplete("has no usable acl")
    return tuple(patterns)


def _expiry(text: Any) -> float | None:
    """Return when the token expires; None if the document has no expiry."""
    if text is None:
        return None
    try:
        return moment(text)
    except (TypeError, ValueError, OverflowError):
        raise _Incomplete("has no usable utc_expires_at") from None
