"""The lines about VoIPBIN that the embedded default prints when it starts: access keys and JWTs.

The JWTs are made at each start, because a JWT in a file would expire.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wsevents.dialects.voipbin.claims import ADMIN

if TYPE_CHECKING:
    from wsevents.dialects.voipbin.settings import VoipbinSettings

AGENT = "00000000-0000-4000-8001-000000000001"
"""Uuid of the administrator, an agent of the first company of the embedded default."""
YEAR = 365 * 86400
"""Seconds until a JWT expires."""


def greeting(settings: VoipbinSettings, base_url: str, now: float) -> list[str]:
    """Return two lines for each access key: its URL, and a JWT of an administrator of its customer."""
    url, lines = f"{base_url}{settings.paths[0]}", []
    for key, access in settings.access_keys.items():
        customer = access.customer_id
        lines.append(f"VoIPBIN: {url}?token={key} (an access key of the customer {customer})")
        if settings.jwt_key is not None:
            token = administrator(settings.jwt_key, customer, now)
            lines.append(f"VoIPBIN: JWT of an administrator of that customer: {token}")
    return lines


def administrator(key: str, customer: str, now: float) -> str:
    """Return a JWT of an administrator of a customer, valid for a year from `now`."""
    agent = {"id": AGENT, "customer_id": customer, "permission": ADMIN}
    ends = datetime.fromtimestamp(now + YEAR, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _signed({"type": "agent", "agent": agent, "expire": ends}, key)


def _signed(claims: dict[str, Any], key: str) -> str:
    """Return claims as a JWT by HS256 (RFC 7519, RFC 7515 section 3.1)."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = b".".join(map(_base64url, parts))
    return b".".join([signed, _base64url(hmac.digest(key.encode(), signed, "sha256"))]).decode()


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
