"""Which web pages may connect (RFC 6454, RFC 6455 section 10.2). Pure.

A browser says of which origin the page is that connects; programs do not, and nothing here is for them.
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
"""What a browser says of a page that it does not want to name. Every page can make itself one."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def may_come_from(origin: str | None, patterns: Sequence[str]) -> bool:
    """Say whether a page of this origin may connect; None: it is no page, and may.

    `*` in a pattern is any run of characters.
    """
    if origin is None:
        return True
    plain = _plain(origin)
    forms = {plain, plain + _port(plain)}  # a pattern may name the port that a browser leaves out
    return any(_compiled(pattern).fullmatch(form) for pattern in patterns for form in forms)


def is_own(request: Request) -> bool:
    """Say whether a page of the gateway's own origin asks: same host and port, and TLS if it came by TLS."""
    scheme, _, authority = request.headers.get("origin", "").lower().partition("://")
    if scheme != ("https" if request.secure else "http"):
        return False
    default = _DEFAULT_PORTS[scheme]
    here = request.headers.get("host", "").lower()
    return bool(here) and authority.removesuffix(default) == here.removesuffix(default)


def may_bring_credentials(request: Request, patterns: Sequence[str]) -> bool:
    """Say whether credentials count that a browser sends by itself, such as cookies.

    Any page can make a browser connect and send them along. So they count for pages of the gateway's own
    origin, for those whose origin is listed as it is, without a `*`, and for programs.
    """
    origin = request.headers.get("origin")
    if origin is None or is_own(request):
        return True
    named = [pattern for pattern in patterns if ANY not in pattern and pattern != NULL]
    return may_come_from(origin, named)


def _port(origin: str) -> str:
    """Return the port that an origin means if it names none."""
    return _DEFAULT_PORTS.get(origin.partition("://")[0], "")


def _plain(origin: str) -> str:
    """Return an origin or a pattern as a browser would write it: small letters, no default port."""
    origin = origin.lower()
    return origin.removesuffix(_port(origin))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    plain = _plain(".".join(_ascii(label) for label in pattern.split(".")))
    return re.compile(re.escape(plain).replace(r"\*", ".*"), re.DOTALL)


def _ascii(label: str) -> str:
    """Return a part of a host name as browsers send it: in Punycode, if it has letters beyond ASCII."""
    if label.isascii():
        return label
    scheme, separator, name = label.rpartition("://")
    name, colon, port = name.partition(":")
    try:
        return f"{scheme}{separator}{name.encode('idna').decode('ascii')}{colon}{port}"
    except UnicodeError:
        return label  # as no browser sends it; it matches nothing
