"""What a proxy for HTTP says of whom it speaks for, and which proxies are believed. Pure.

Anybody can send such headers. What a trusted proxy has appended is what it saw itself; so one reads from
the right, and the first address that is not a trusted proxy's is the peer's. Everything to the left of it
is the peer's own invention.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from attrs import frozen

from wsevents.api.networks import allowance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsevents.api.networks import Networks

LOCAL = "local"
"""In place of an address: the peer of a Unix socket has none."""
UNIX = "unix"
"""In place of a network: all who come by a Unix socket."""
HIGHEST_PORT = 65535
_SECURE = {"https", "wss"}
_OPEN = {"http", "ws"}


@frozen
class Proxies:
    """Those that are believed. Make it with `proxies`."""

    networks: Networks
    unix: bool = False

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks.networks)

    def covers(self, address: str) -> bool:
        """Say whether an address is one of theirs."""
        if not self:  # as almost everywhere: each connection asks
            return False
        return self.unix if address == LOCAL else self.networks.covers(address)


def proxies(texts: Sequence[str]) -> Proxies:
    """Return the proxies at some addresses and networks; `unix` is all who come by Unix sockets.

    Raises:
        ValueError: one of them is none; the text names it.
    """
    return Proxies(allowance([text for text in texts if text != UNIX]), UNIX in texts)


def peer(headers: Mapping[str, str], trusted: Proxies) -> tuple[str, int] | None:
    """Return the address of the peer that trusted proxies speak for, and its port or 0.

    None: they do not say, or cannot be understood. If all that are named are trusted, it is the first.
    """
    found = None
    for text in reversed(headers.get("x-forwarded-for", "").split(",")):
        hop = _hop(text)
        if hop is None:
            break
        found = hop
        if not trusted.covers(hop[0]):
            break
    return found


def secure(headers: Mapping[str, str]) -> bool | None:
    """Return whether the peer came to the proxy over TLS; None: it does not say."""
    said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return said in _SECURE if said in _SECURE | _OPEN else None


def _hop(text: str) -> tuple[str, int] | None:
    """Return address and port of `192.0.2.7`, `192.0.2.7:5060`, `2001:db8::1` or `[2001:db8::1]:5060`."""
    text = text.strip().strip('"')
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    try:
        found = ip_address(host.partition("%")[0])  # a zone means nothing but to the proxy
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found), _port(port.removeprefix(":"))


def _port(text: str) -> int:
    """Return a port; 0: the text is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len("65535")
    return int(text) if is_number and int(text) <= HIGHEST_PORT else 0
