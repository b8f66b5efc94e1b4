"""The credential of a request: five possible locations, in VoIPBIN's order.

A browser sends a cookie with the request of any page. So a cookie counts only for programs and for the
pages that `credentials_allowed` permits; otherwise it is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import frozen

from wsevents.api.identity import WhoIs
from wsevents.core.origins import credentials_allowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.api.requests import Request

_BEARER = "bearer "


@frozen
class Bearer(WhoIs):
    """Question: whose token is this? The token is a JWT or an access key; an access key has no dots."""


@frozen
class KeyHolder(WhoIs):
    """Question: whose access key is this?"""


def credential(request: Request, origins: Sequence[str]) -> Bearer | KeyHolder | None:
    """Return the question about the credential of a request, or None if the request has no credential.

    Args:
        request: the upgrade request.
        origins: the patterns of permitted origins. An exact one also permits the cookies of its pages.
    """
    cookies = _cookies(request.headers.get("cookie", "")) if credentials_allowed(request, origins) else {}
    token = cookies.get("token") or _query(request, "token") or _bearer(request)
    if token:
        return Bearer(token)
    key = cookies.get("accesskey") or _query(request, "accesskey")
    return KeyHolder(key) if key else None


def _query(request: Request, name: str) -> str:
    values = request.query.get(name)
    return values[0] if values else ""


def _bearer(request: Request) -> str:
    """Return the token in the header Authorization (RFC 6750 section 2.1), or ""."""
    header = request.headers.get("authorization", "").strip()
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""


def _cookies(header: str) -> dict[str, str]:
    """Return the cookies in a header (RFC 6265 section 4.2.1); the first of several with the same name."""
    cookies: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        cookies.setdefault(name, unquote(value.strip().strip('"')))
    return cookies
