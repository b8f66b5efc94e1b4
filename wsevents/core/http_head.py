"""The HTTP request that opens a connection, and the answer to one that is refused, as values. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from attrs import frozen

from wsevents.api.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.api.effects import Respond

HEAD_MAX = 16384
"""Bytes that request line and headers may have together."""
_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"([A-Z]+) ([^\s#]+) (HTTP/\d\.\d)")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
_HANDSHAKE = ("upgrade", "connection", "sec-websocket-key", "sec-websocket-version")
_OPTIONAL = ("sec-websocket-protocol", "sec-websocket-extensions")


@frozen
class Head:
    """Request line and headers of an HTTP request (RFC 9112 sections 3 and 5).

    Attributes:
        method, target, version: as sent.
        headers: names in lower case; the values of several of one name are joined by ", ".
    """

    method: str
    target: str
    version: str
    headers: Mapping[str, str]

    @property
    def wants_websocket(self) -> bool:
        """Whether it asks for a WebSocket (RFC 6455 section 4.2.1)."""
        return "websocket" in self.headers.get("upgrade", "").lower()

    def handshake(self) -> bytes:
        """Return what the WebSocket layer has to see of it, and nothing else.

        Path, host and origin are not judged there, and no token gets into its messages and logs.
        """
        lines = [f"{self.method} / {self.version}"]
        if "host" in self.headers:  # RFC 9112 section 3.2: there must be one, whatever it is here
            lines.append("host: wsevents")
        lines += [f"{name}: {self.headers[name]}" for name in _HANDSHAKE + _OPTIONAL if name in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("utf-8")


def head_end(data: bytes) -> int | None:
    """Return where the head of a request ends (RFC 9112 section 2.1), or None if it goes on."""
    end = data.find(_END)
    return None if end < 0 else end + len(_END)


def parse_head(head: bytes) -> Head | None:
    """Return the head of a request, or None if it is none. Text that is not UTF-8 is taken for Latin-1."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if request is None:
        return None
    headers: dict[str, str] = {}
    for field in fields:
        if field is None:
            return None
        name, value = field[1].lower(), field[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(request[1], request[2], request[3], headers)


def make_request(
    target: str,
    headers: Mapping[str, str],
    address: str = "",
    port: int = 0,
    listener: str = "",
    *,
    secure: bool = True,
) -> Request:
    """Return a request as values; any target makes sense, in origin or absolute form."""
    authority = _AUTHORITY.match(target)
    path, _, query = target[authority.end() if authority else 0 :].partition("?")
    return Request(
        path=unquote(path, errors="replace"),
        query={key: tuple(values) for key, values in parse_qs(query, errors="replace").items()},
        headers=headers,
        address=address,
        port=port,
        listener=listener,
        secure=secure,
    )


def http_answer(refusal: Respond) -> bytes:
    """Return an HTTP error as wire bytes (RFC 9112)."""
    head = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}"]
    head += [f"{name}: {value}" for name, value in refusal.headers]
    head += [f"Content-Length: {len(refusal.body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode("latin-1", "replace") + refusal.body
