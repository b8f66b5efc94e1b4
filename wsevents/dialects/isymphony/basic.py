"""HTTP Basic authentication (RFC 7617): reads the credentials of a request."""

from __future__ import annotations

import re
from base64 import b64decode

from attrs import field, frozen

CHALLENGE = ("WWW-Authenticate", 'Basic realm="iSymphony", charset="UTF-8"')
"""The header of a 401 response. Java clients send credentials only after they have received it."""

_HEADER = re.compile(r"basic +([A-Za-z0-9+/]+=*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


@frozen
class Credentials:
    """Question: whose credentials are these? Answered with an Identity, Denied or Unavailable.

    Attributes:
        user, password: as sent.
        address: of the client; selects the queue of the question. It is not compared, so that the same
            credentials from many addresses, as after a restart, are one question.
    """

    user: str
    password: str = field(repr=False)
    address: str = field(default="", eq=False)


def credentials_in(header: str | None, address: str) -> Credentials | None:
    """Return the credentials in a header Authorization; None: the header is missing or invalid.

    Args:
        header: value of the header; None: the request has no such header.
        address: of the client.
    """
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
    """Return the decoded text: UTF-8, which the challenge requests, or Latin-1, which older clients send."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
