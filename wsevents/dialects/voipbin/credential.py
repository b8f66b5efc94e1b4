"""The credential of a request: five places, in VoIPBIN's order.

A cookie comes along with whatever page opens the connection, so it counts only for some pages and for
programs: see `may_bring_credentials`. Elsewhere it is as if it were not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import frozen

from wsevents.api.identity import WhoIs
from wsevents.core.origins import may_bring_credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.api.requests import Request

_BEARER = "bearer "


@frozen
class Bearer(WhoIs):
    """Question: whose token is this? A JWT, or an access key given in its place: that has no dots."""


@frozen
class KeyHolder(WhoIs):
    """Question: whose access key is this?"""


def credential(request: Request, origins: Sequence[str]) -> Bearer | KeyHolder | None:
    """Return the question that the credential of a request puts, or None if it has none.

    Args:
        request: asks for the WebSocket.
        origins: of pages that may connect; those that it names may bring a cookie.
    """
    cookies = _cookies(request.headers.get("cookie", "")) if may_bring_credentials(request, origins) else {}
    token = cookies.get("token") or _query(request, "token") or _bearer(request)
    if token:
        return Bearer(token)
    key = cookies.get("accesskey") or _query(request, "accesskey")
    return KeyHolder(key) if key else None


def _query(request: Request, name: str) -> str:
    values = request.query.get(name)
    return values[0] if values else ""


def _bearer(request: Request) -> str:
    """Return the token of the header (RFC 6750 section 2.1)."""
    header = request.headers.get("authorization", "").strip()
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""


def _cookies(header: str) -> dict[str, str]:
    """Return the cookies of a header (RFC 6265 section 4.2.1); of several of one name the first."""
    cookies: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        cookies.setdefault(name, unquote(value.strip().strip('"')))
    return cookies
