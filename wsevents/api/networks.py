"""Some addresses and networks, as a configuration names them: who may come, who is trusted."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen


@frozen
class Networks:
    """Some networks. Make it with `allowance`."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def covers(self, address: str) -> bool:
        """Say whether an address is in one of them; text that is no address is not.

        An IPv4 address that came by a socket of IPv6 (::ffff:127.0.0.1, RFC 4291 section 2.5.5.2) is
        the IPv4 address.
        """
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self.networks)


def allowance(texts: list[str]) -> Networks:
    """Return what some addresses and networks in CIDR notation allow.

    Raises:
        ValueError: one of them is none; the text names it.
    """
    return Networks(tuple(_network(text) for text in texts))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            f"has {text!r}, which is neither an address nor a network; write it like 192.0.2.7 or 10.1.0.0/16"
        ) from None
