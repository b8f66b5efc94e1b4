"""Parse the HTTP request that opens a connection; format the response that rejects it. Pure."""

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
"""Most bytes of request line and headers together."""
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
        method, target, version: as the client sent them.
        headers: values by name in lower case. Several values of one name are joined with ", ".
    """

    method: str
    target: str
    version: str
    headers: Mapping[str, str]

    @property
    def wants_websocket(self) -> bool:
        """Whether the request asks for a WebSocket (RFC 6455 section 4.2.1)."""
        return "websocket" in self.headers.get("upgrade", "").lower()

    def handshake(self) -> bytes:
        """Return the request for the WebSocket layer, with only the headers that its handshake needs.

        Path, host and origin are removed: the gateway checks them itself, and the logs and messages of the
        WebSocket layer must not contain a token.
        """
        lines = [f"{self.method} / {self.version}"]
        if "host" in self.headers:  # RFC 9112 section 3.2 requires the header; its value does not matter
            lines.append("host: wsevents")
        lines += [f"{name}: {self.headers[name]}" for name in _HANDSHAKE + _OPTIONAL if name in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("utf-8")


def head_end(data: bytes) -> int | None:
    """Return the length of the head of a request (RFC 9112 section 2.1), or None if it is incomplete."""
    end = data.find(_END)
    return None if end < 0 else end + len(_END)


def parse_head(head: bytes) -> Head | None:
    """Parse the head of a request, UTF-8 or else Latin-1; return None if it is invalid."""
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
    """Return the request for a target in origin or absolute form (RFC 9112 section 3.2); accept any text."""
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


def http_answer(response: Respond) -> bytes:
    """Return an HTTP response as wire bytes (RFC 9112)."""
    head = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    head += [f"{name}: {value}" for name, value in response.headers]
    head += [f"Content-Length: {len(response.body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode("latin-1", "replace") + response.body
