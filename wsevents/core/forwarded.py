"""The client address that HTTP proxies report in X-Forwarded-For and X-Forwarded-Proto. Pure.

Any client can send these headers. Only the entry that a trusted proxy appended is reliable, so the list is
read from the right: the first address that is not a trusted proxy's is the client's. Entries to the left of
it may be forged.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from attrs import frozen

from wsevents.api.networks import parse_networks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsevents.api.networks import Networks

LOCAL = "local"
"""Stands for the address of a client of a Unix socket."""
UNIX = "unix"
"""Stands, in the list of trusted proxies, for all clients of Unix sockets."""
HIGHEST_PORT = 65535
_SECURE = {"https", "wss"}
_OPEN = {"http", "ws"}


@frozen
class Proxies:
    """The trusted proxies; `proxies` makes it.

    Attributes:
        networks: their addresses.
        unix: all clients of Unix sockets are trusted proxies.
    """

    networks: Networks
    unix: bool = False

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks.networks)

    def covers(self, address: str) -> bool:
        """Return whether an address, or `LOCAL`, is that of a trusted proxy."""
        if not self:  # the usual case, checked first because every connection calls it
            return False
        return self.unix if address == LOCAL else self.networks.covers(address)


def proxies(texts: Sequence[str]) -> Proxies:
    """Parse a list of addresses, networks and `unix`.

    Raises:
        ValueError: a text is not valid; the message quotes it.
    """
    return Proxies(parse_networks([text for text in texts if text != UNIX]), UNIX in texts)


def peer(headers: Mapping[str, str], trusted: Proxies) -> tuple[str, int] | None:
    """Return address and port (0: not known) of the client from X-Forwarded-For.

    None: the header is missing or its last entry is invalid. If all entries are trusted proxies, the first
    one is the client.
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
    """Return whether the client uses TLS to the proxy, from X-Forwarded-Proto; None: not known."""
    scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return scheme in _SECURE if scheme in _SECURE | _OPEN else None


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
        found = ip_address(host.partition("%")[0])  # an IPv6 zone is valid on the proxy's host only
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found), _port(port.removeprefix(":"))


def _port(text: str) -> int:
    """Return a port; 0: the text is not a port."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len("65535")
    return int(text) if is_number and int(text) <= HIGHEST_PORT else 0
