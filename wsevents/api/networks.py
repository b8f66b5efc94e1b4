"""Lists of IP addresses and networks in the configuration: allowed clients, trusted proxies."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen


@frozen
class Networks:
    """A list of IP networks; `parse_networks` parses it."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def covers(self, address: str) -> bool:
        """Return whether an address is in one of the networks; False for text that is not an address.

        An IPv4-mapped IPv6 address (::ffff:127.0.0.1, RFC 4291 section 2.5.5.2) counts as the IPv4 address.
        """
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self.networks)


def parse_networks(texts: list[str]) -> Networks:
    """Parse addresses and networks in CIDR notation.

    Raises:
        ValueError: a text is neither; the message quotes it.
    """
    return Networks(tuple(_network(text) for text in texts))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            f"has {text!r}, which is neither an address nor a network; write it like 192.0.2.7 or 10.1.0.0/16"
        ) from None
