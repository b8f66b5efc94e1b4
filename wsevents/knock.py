"""The HTTP request that opens a connection, as values. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from wsevents.messages import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_MAX = 16384
"""Bytes that request line and headers may have together."""
_END = b"\r\n\r\n"
_QUERY_FIELDS = 100


def head_end(data: bytes) -> int | None:
    """Return where the head of a request ends (RFC 9112 section 2.1), or None if it goes on."""
    end = data.find(_END)
    return None if end < 0 else end + len(_END)


def wants_websocket(head: bytes) -> bool:
    """Say whether a request's head asks for a WebSocket (RFC 6455 section 4.2.1)."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"upgrade":
            return b"websocket" in value.lower()
    return False


def make_request(
    target: str,
    headers: Mapping[str, str],
    address: str = "",
    port: int = 0,
    listener: str = "",
    *,
    secure: bool = True,
) -> Request:
    """Return a request as values; a target that makes no sense has an empty path and query."""
    try:
        parts = urlsplit(target)
        query = parse_qs(parts.query, errors="replace", max_num_fields=_QUERY_FIELDS)
        path = unquote(parts.path, errors="replace")
    except ValueError:
        path, query = "", {}
    return Request(
        path=path,
        query={key: tuple(values) for key, values in query.items()},
        headers=headers,
        address=address,
        port=port,
        listener=listener,
        secure=secure,
    )


def may_come_from(origin: str | None, patterns: tuple[str, ...]) -> bool:
    """Say whether a page of this origin may connect (RFC 6455 section 10.2).

    A client that is no browser sends no origin, and may. `*` in a pattern is any run of characters.
    """
    if origin is None:
        return True
    return any(_compiled(pattern).fullmatch(origin) for pattern in patterns)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.IGNORECASE | re.DOTALL)
