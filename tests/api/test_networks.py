"""Lists of addresses and networks."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api.networks import parse_networks


def is_address(text):
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


LOCAL = parse_networks(["127.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]
)
def test_loopback_addresses_are_covered(address):
    assert LOCAL.covers(address)


@pytest.mark.parametrize(
    "address",
    [
        "128.0.0.1",
        "10.0.0.1",
        "::2",
        "::ffff:10.0.0.1",
        "fe80::1%eth0",
        "::127.0.0.1",
        "localhost",
        "local",
        "",
        "127.0.0.1 ",
        "127.1",
        "2130706433",
    ],
)
def test_other_addresses_are_not_covered(address):
    assert not LOCAL.covers(address)


def test_the_networks_of_all_addresses_cover_every_address():
    everywhere = parse_networks(["0.0.0.0/0", "::/0"])
    assert all(
        everywhere.covers(address)
        for address in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0")
    )


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "::1/129", "10.0.0.*"])
def test_an_invalid_network_is_quoted_in_the_error(text):
    with pytest.raises(ValueError, match="neither an address nor a network"):
        parse_networks(["127.0.0.1", text])


@given(st.text() | st.text("0123456789abf:.%/", max_size=20))
def test_text_that_is_not_an_address_is_not_covered(text):
    everywhere = parse_networks(["0.0.0.0/0", "::/0"])
    assert everywhere.covers(text) is is_address(text)


@given(st.ip_addresses())
def test_a_single_address_covers_itself(address):
    assert parse_networks([str(address)]).covers(str(address)) or getattr(address, "ipv4_mapped", None)
