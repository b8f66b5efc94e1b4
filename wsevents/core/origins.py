"""Decide which web pages may connect, by their origin (RFC 6454, RFC 6455 section 10.2). Pure.

A browser sends the origin of the page with each request. Other programs send no origin and are not
restricted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.api.requests import Request

ANY = "*"
NULL = "null"
"""The origin of a page whose origin the browser does not disclose. Any page can obtain it, by a sandbox."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def origin_allowed(origin: str | None, patterns: Sequence[str]) -> bool:
    """Return whether a client with this Origin header may connect; None, no such header: it may.

    `*` in a pattern matches any characters.
    """
    if origin is None:
        return True
    plain = _normalized(origin)
    forms = {plain, plain + _port(plain)}  # a pattern may have the default port, which browsers omit
    return any(_compiled(pattern).fullmatch(form) for pattern in patterns for form in forms)


def is_own(request: Request) -> bool:
    """Return whether the page is served by the gateway itself: scheme, host and port are the same."""
    scheme, _, authority = request.headers.get("origin", "").lower().partition("://")
    if scheme != ("https" if request.secure else "http"):
        return False
    default = _DEFAULT_PORTS[scheme]
    host = request.headers.get("host", "").lower()
    return bool(host) and authority.removesuffix(default) == host.removesuffix(default)


def credentials_allowed(request: Request, patterns: Sequence[str]) -> bool:
    """Return whether the gateway may use credentials that a browser sends by itself, such as cookies.

    Any page can make a browser connect with them. So the gateway uses them only for pages of its own origin,
    for origins that `patterns` list without `*`, and for requests without an origin.
    """
    origin = request.headers.get("origin")
    if origin is None or is_own(request):
        return True
    named = [pattern for pattern in patterns if ANY not in pattern and pattern != NULL]
    return origin_allowed(origin, named)


def _port(origin: str) -> str:
    """Return the default port of an origin's scheme, such as ":443", or ""."""
    return _DEFAULT_PORTS.get(origin.partition("://")[0], "")


def _normalized(origin: str) -> str:
    """Return an origin or a pattern in the form that browsers send: lower case, without default port."""
    origin = origin.lower()
    return origin.removesuffix(_port(origin))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    plain = _normalized(".".join(_ascii(label) for label in pattern.split(".")))
    return re.compile(re.escape(plain).replace(r"\*", ".*"), re.DOTALL)


def _ascii(label: str) -> str:
    """Return a label of a host name in the form that browsers send: Punycode if it is not ASCII."""
    if label.isascii():
        return label
    scheme, separator, name = label.rpartition("://")
    name, colon, port = name.partition(":")
    try:
        return f"{scheme}{separator}{name.encode('idna').decode('ascii')}{colon}{port}"
    except UnicodeError:
        return label  # no browser sends such a label, so the pattern matches nothing
