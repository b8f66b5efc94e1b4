"""The header that a proxy for TCP sends before everything else: whom it speaks for. Pure.

Two forms (the PROXY protocol, https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt): a line of text
and a binary one. How much of what came belongs to it is said exactly; what follows is the peer's.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

LINE_MAX = 107
"""Bytes of the longest line there can be (section 2.1), its end included."""
BINARY_MAX = 4096
"""Bytes of a binary header, of which a proxy needs some dozen, and some hundred with what it tells of TLS."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = 16
"""Bytes of a binary header that are always there: signature, command, family, and the size of the rest."""
_WORD = b"PROXY "
_LINE = re.compile(rb"PROXY (TCP4|TCP6) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?")
_VERSION, _LOCAL, _PROXY = 2, 0, 1
_KINDS = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}
"""Family and transport that have an address of TCP, with its size; others are taken for unknown."""
_HIGHEST_PORT = 65535
_TLS, _BY_TLS = 0x20, 0x01
"""Kind of what is told of TLS (section 2.2.5), and the flag in its first byte that there was any."""


class ProxyHeaderError(Exception):
    """What came is no such header."""


@frozen
class ProxyHeader:
    """A whole header.

    Attributes:
        size: its bytes.
        address: whom the proxy speaks for; "": for itself, as in a health check, or it does not know.
        port: of that address.
        secure: it came to the proxy over TLS, which the proxy has taken off.
    """

    size: int
    address: str = ""
    port: int = 0
    secure: bool = False


def read(data: bytes) -> ProxyHeader | None:
    """Return the header that some bytes begin with; None: it goes on. Raises Mistake."""
    if data.startswith(_SIGNATURE[: len(data)]):
        return _binary(data)
    if data.startswith(_WORD[: len(data)]):
        return _line(data)
    raise ProxyHeaderError


def _line(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, LINE_MAX)
    if end < 0:
        if len(data) >= LINE_MAX:
            raise ProxyHeaderError
        return None
    size, line = end + 2, data[:end]
    if _UNKNOWN.fullmatch(line):
        return ProxyHeader(size)
    if (match := _LINE.fullmatch(line)) is None:
        raise ProxyHeaderError
    kind = IPv4Address if match[1] == b"TCP4" else IPv6Address
    address, port = _address(kind, match[2]), _port(match[4])
    _address(kind, match[3])
    _port(match[5])
    return ProxyHeader(size, address, port)


def _address(kind: type[IPv4Address | IPv6Address], text: bytes) -> str:
    if b"%" in text:  # a zone (RFC 4007), which would be any text
        raise ProxyHeaderError
    try:
        return str(kind(text.decode("ascii")))
    except ValueError:
        raise ProxyHeaderError from None


def _port(digits: bytes) -> int:
    port = int(digits)
    if port > _HIGHEST_PORT:
        raise ProxyHeaderError
    return port


def _binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED:
        return None
    version, command = divmod(data[12], 16)
    size = _FIXED + int.from_bytes(data[14:16], "big")
    if version != _VERSION or command not in (_LOCAL, _PROXY) or size > BINARY_MAX:
        raise ProxyHeaderError
    if len(data) < size:
        return None
    kind, length = _KINDS.get(data[13], (None, 0))
    if command == _LOCAL or kind is None:
        return ProxyHeader(size)
    ports = _FIXED + 2 * length
    if size < ports + 4:
        raise ProxyHeaderError
    address = str(kind(data[_FIXED : _FIXED + length]))
    port = int.from_bytes(data[ports : ports + 2], "big")
    return ProxyHeader(size, address, port, _secure(data[ports + 4 : size]))


def _secure(told: bytes) -> bool:
    """Look through what else is told: kinds, each with a size in two bytes and a value."""
    at = 0
    while at + 3 < len(told):
        if told[at] == _TLS:
            return bool(told[at + 3] & _BY_TLS)
        at += 3 + int.from_bytes(told[at + 1 : at + 3], "big")
    return False
