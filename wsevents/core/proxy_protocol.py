"""Parse the PROXY protocol: the header with the client's address that a TCP proxy sends first. Pure.

Specification: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt. Version 1 is a line of text,
version 2 is binary. The result has the exact size of the header; the bytes after it come from the client.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

LINE_MAX = 107
"""Most bytes of a version 1 header (section 2.1), including CR and LF."""
BINARY_MAX = 4096
"""Most bytes of a version 2 header. Proxies send a few dozen, or a few hundred with information on TLS."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = 16
"""Bytes of the fixed part of a version 2 header: signature, command, family, and size of the rest."""
_WORD = b"PROXY "
_LINE = re.compile(rb"PROXY (TCP4|TCP6) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?")
_VERSION, _LOCAL, _PROXY = 2, 0, 1
_KINDS = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}
"""Codes of TCP over IPv4 and over IPv6, with the size of an address. Other codes count as unknown."""
_HIGHEST_PORT = 65535
_TLS, _BY_TLS = 0x20, 0x01
"""PP2_TYPE_SSL and PP2_CLIENT_SSL (section 2.2.5): the field on TLS, and its flag for a TLS connection."""


class ProxyHeaderError(Exception):
    """The bytes are not a valid PROXY protocol header."""


@frozen
class ProxyHeader:
    """A parsed header.

    Attributes:
        size: bytes of the header.
        address: address of the client; "": the proxy itself is the client, as in a health check, or the
            client is unknown.
        port: port of the client.
        secure: the client uses TLS, which the proxy terminates.
    """

    size: int
    address: str = ""
    port: int = 0
    secure: bool = False


def read(data: bytes) -> ProxyHeader | None:
    """Parse the header at the beginning of the bytes; return None if it is incomplete.

    Raises:
        ProxyHeaderError: the bytes do not begin with a valid header.
    """
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
    if b"%" in text:  # ipaddress accepts any text as the zone (RFC 4007) after it
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


def _secure(fields: bytes) -> bool:
    """Return the TLS flag of the additional fields, each with type (1 byte), size (2 bytes) and value."""
    at = 0
    while at + 3 < len(fields):
        if fields[at] == _TLS:
            return bool(fields[at + 3] & _BY_TLS)
        at += 3 + int.from_bytes(fields[at + 1 : at + 3], "big")
    return False
