"""Maps the claims of a JWT, or the record of an access key, to an identity. No function raises.

`Identity.claims` contains:

* `kind`: agent, accesskey, direct or delegate;
* `permission`: bits;
* `allowed`: resource types that a direct token may subscribe to;
* `frozen`: details of a frozen account, or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsevents.api.identity import Denied, Identity
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.moment import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsevents.dialects.voipbin.settings import Acl

SUPER_ADMIN, ADMIN, MANAGER = 0x1, 0x20, 0x40
"""Bits of an agent's permission."""
AUDIENCE = "voipbin-api"
"""Required audience of the token of a delegate."""
EXPIRED = Denied("the token has expired")


def identity_of(claims: dict[str, Any], acl: Acl, now: float) -> Identity | Denied:
    """Return the identity of a token whose signature is verified, or Denied.

    Args:
        claims: the JSON object of the JWT.
        acl: the ACL for generic events, by kind of identity.
        now: the time that `expire`, `exp` and `nbf` are compared with.
    """
    ends = moment(claims["expire"]) if isinstance(claims.get("expire"), str) else None
    if ends is None:
        return Denied("the token has no usable `expire`")
    for name in ("exp", "nbf"):
        if claims.get(name) is not None and (isinstance(claims[name], str) or moment(claims[name]) is None):
            return Denied(f"the token has no usable `{name}`")
    ends = min(ends, moment(claims.get("exp")) or ends)
    if ends <= now:
        return EXPIRED
    if now < (moment(claims.get("nbf")) or now):
        return Denied("the token is not valid yet")
    kind = claims.get("type", "agent")
    make = {"agent": _agent, "direct": _direct, "delegate": _delegate}.get(
        kind if isinstance(kind, str) else ""
    )
    return Denied("the token is of an unknown type") if make is None else make(claims, acl, ends)


def _agent(claims: dict[str, Any], acl: Acl, ends: float) -> Identity | Denied:
    agent = _part(claims, "agent")
    subject, customer = canonical(agent.get("id")), canonical(agent.get("customer_id"))
    bits = agent.get("permission", 0)
    if subject is None or customer is None or not isinstance(bits, int) or isinstance(bits, bool):
        return Denied("the token has no usable agent")
    reach = "all" if bits & SUPER_ADMIN else "tenant" if bits & (ADMIN | MANAGER) else "user"
    patterns = acl.agent if reach == "user" else acl.administrator
    details = {"kind": "agent", "permission": bits}
    return Identity(subject, customer, tuple(patterns), reach=reach, expires=ends, claims=details)


def _direct(claims: dict[str, Any], acl: Acl, ends: float) -> Identity | Denied:
    direct = _part(claims, "direct")
    customer, allowed = canonical(direct.get("customer_id")), direct.get("allowed_resource_types")
    if customer is None or not isinstance(allowed, list) or not all(isinstance(one, str) for one in allowed):
        return Denied("the token has no usable direct access")
    details = {"kind": "direct", "permission": 0, "allowed": tuple(allowed)}
    return Identity(customer, customer, tuple(acl.direct), expires=ends, claims=details)


def _delegate(claims: dict[str, Any], _: Acl, ends: float) -> Identity | Denied:
    audience, customer = claims.get("aud"), canonical(claims.get("customer_id"))
    intended = AUDIENCE in audience if isinstance(audience, list) else audience == AUDIENCE
    named = all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "jti"))
    if not intended or not named or customer is None:
        return Denied("the token has no usable delegation")
    return Identity(claims["sub"], customer, (), expires=ends, claims={"kind": "delegate", "permission": 0})


def key_holder(
    customer: str, acl: Iterable[str], ends: float | None, now: float, frozen: Any = None
) -> Identity | Denied:
    """Return the identity of an access key, or Denied if it has expired.

    An access key has the rights of an administrator of its customer, but belongs to no agent.

    Args:
        customer: canonical uuid.
        acl: patterns for generic events.
        ends: when the access key expires; None: never.
        now: the time that `ends` is compared with.
        frozen: details of the frozen account; None: it is not frozen.
    """
    if ends is not None and ends <= now:
        return Denied("the access key has expired")
    details = {"kind": "accesskey", "permission": ADMIN, "frozen": frozen}
    return Identity(customer, customer, tuple(acl), reach="tenant", expires=ends, claims=details)


def record_holder(record: dict[str, Any], acl: Acl, now: float) -> Identity | Denied | None:
    """Return the identity for a record of the look-up, or Denied; None: the record is invalid.

    Args:
        record: `customer_id`, and optionally `tm_expire`, `tm_delete` and `frozen` (an object with details).
        acl: the ACL for generic events, by kind of identity.
        now: the time that `tm_expire` is compared with.
    """
    customer, end, deleted = (
        canonical(record.get("customer_id")),
        record.get("tm_expire"),
        record.get("tm_delete"),
    )
    ends = moment(end)
    if customer is None or (end and ends is None):
        return None
    if deleted:
        return Denied("the access key was deleted")
    frozen = record.get("frozen")
    return key_holder(customer, acl.access_key, ends, now, frozen if isinstance(frozen, dict) else None)


def _part(claims: dict[str, Any], name: str) -> dict[str, Any]:
    part = claims.get(name)
    return part if isinstance(part, dict) else {}
