"""The credential of a request: five places, in VoIPBIN's order.

A cookie comes along with whatever page opens the connection, so it counts only for pages of the
gateway's own origin, and for programs, which send no origin. Elsewhere it is as if it were not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import frozen

from wsevents.messages import WhoIs

if TYPE_CHECKING:
    from wsevents.messages import Request

_PORTS = {"http": ":80", "https": ":443"}
_BEARER = "bearer "


@frozen
class Bearer(WhoIs):
    """Question: whose token is this? A JWT, or an access key given in its place: that has no dots."""


@frozen
class KeyHolder(WhoIs):
    """Question: whose access key is this?"""


def credential(request: Request) -> Bearer | KeyHolder | None:
    """Return the question that the credential of a request puts, or None if it has none."""
    cookies = _cookies(request.headers.get("cookie", "")) if same_origin(request) else {}
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


def same_origin(request: Request) -> bool:
    """Say whether a request comes from a page of its own host, or from no page (RFC 6454 section 7).

    Without TLS of our own the scheme is not looked at: a proxy may speak TLS for us.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return True
    scheme, _, authority = origin.lower().partition("://")
    default = _PORTS.get(scheme)
    if default is None or (request.secure and scheme != "https"):
        return False
    here = request.headers.get("host", "").lower()
    return bool(here) and authority.removesuffix(default) == here.removesuffix(default)
