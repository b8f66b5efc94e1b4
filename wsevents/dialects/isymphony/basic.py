"""HTTP Basic: who a request says that it is (RFC 7617)."""

from __future__ import annotations

import re
from base64 import b64decode

from attrs import field, frozen

CHALLENGE = ("WWW-Authenticate", 'Basic realm="iSymphony", charset="UTF-8"')
"""The header that goes with a 401; Java's clients send credentials only after it."""

_HEADER = re.compile(r"basic +([A-Za-z0-9+/]+=*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


@frozen
class Credentials:
    """Question: whose credentials are these? Answered with an Identity, Denied or Unavailable.

    Attributes:
        address: where they came from; it is given its turn among the others. The question is the same
            wherever it comes from: after a restart many ask it at once, and it is looked at once.
    """

    user: str
    password: str = field(repr=False)
    address: str = field(default="", eq=False)


def offered(header: str | None, address: str) -> Credentials | None:
    """Return the credentials in the Authorization header, or None if there are none that make sense."""
    match = _HEADER.fullmatch(header or "")
    if match is None:
        return None
    try:
        pair = _text(b64decode(match[1], validate=True))
    except ValueError:
        return None
    user, colon, password = pair.partition(":")
    return Credentials(user, password, address) if colon and not _CONTROL.search(pair) else None


def _text(raw: bytes) -> str:
    """Return the text that was meant: UTF-8 as the challenge says, or Latin-1 of older clients."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
