"""Whom proxies for HTTP speak for."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.forwarded import LOCAL, peer, proxies, secure

TRUSTED = proxies(["127.0.0.1", "192.0.2.0/24", "2001:db8::/32"])


def for_(text, trusted=TRUSTED):
    return peer({"x-forwarded-for": text}, trusted)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("203.0.113.9", ("203.0.113.9", 0)),
        ("203.0.113.9, 192.0.2.7", ("203.0.113.9", 0)),
        ("198.51.100.1, 203.0.113.9, 192.0.2.7,192.0.2.8", ("203.0.113.9", 0)),
        ("127.0.0.1, 203.0.113.9", ("203.0.113.9", 0)),
        ("garbage, 203.0.113.9", ("203.0.113.9", 0)),
        ("203.0.113.9:5060", ("203.0.113.9", 5060)),
        ("203.0.113.9:x", ("203.0.113.9", 0)),
        ("203.0.113.9:123456", ("203.0.113.9", 0)),
        ("203.0.113.9:65536", ("203.0.113.9", 0)),
        ("203.0.113.9:65535", ("203.0.113.9", 65535)),
        ("[2a01::1]:5060, 192.0.2.7:80", ("2a01::1", 5060)),
        ("[2a01::1]", ("2a01::1", 0)),
        ('"[2a01::1]:1"', ("2a01::1", 1)),
        ("2a01:0:0::1", ("2a01::1", 0)),
        ("fe80::1%eth0", ("fe80::1", 0)),
        ("::ffff:203.0.113.9", ("203.0.113.9", 0)),
        ("192.0.2.9, 192.0.2.8", ("192.0.2.9", 0)),
        ("unknown, 192.0.2.8", ("192.0.2.8", 0)),
        ("203.0.113.9, unknown", None),
        ("203.0.113.9, ", None),
        ("203.0.113", None),
        ("", None),
    ],
)
def test_the_last_address_that_is_no_trusted_proxys_is_the_peers(text, found):
    assert for_(text) == found


def test_without_the_header_nothing_is_known():
    assert peer({}, TRUSTED) is None
    assert secure({}) is None


hops = st.ip_addresses().map(str) | st.text(alphabet='0123456789abcdef.:,[]" x', max_size=20)
ports = st.just("") | st.integers(0, 99999).map(":{}".format)


@given(st.lists(st.builds("{}{}".format, hops, ports), max_size=4).map(", ".join))
def test_of_any_text_only_addresses_and_ports_are_understood(text):
    found = for_(text)
    if found is not None:
        address, port = found
        assert str(ip_address(address)) == address
        assert 0 <= port <= 65535
        assert text.count(":") + text.count(".") >= 2, "an address has that many separators"


@given(st.text(max_size=50), st.ip_addresses())
def test_what_a_peer_says_itself_does_not_matter(said, address):
    real = str(getattr(address, "ipv4_mapped", None) or address)
    if not TRUSTED.covers(real):
        assert for_(f"{said}, {address}") == (real, 0)


@pytest.mark.parametrize(
    ("said", "is_secure"),
    [("https", True), ("HTTPS ", True), ("wss", True), ("http", False), ("ws", False), ("http, https", True),
     ("https, http", False), ("", None), ("ftp", None)],
)  # fmt: skip
def test_a_proxy_says_whether_a_peer_came_over_tls(said, is_secure):
    assert secure({"x-forwarded-proto": said}) is is_secure


def test_nobody_is_trusted_unless_named_and_a_unix_socket_only_by_its_name():
    nobody, unix = proxies([]), proxies(["unix"])
    assert not nobody
    assert not any(nobody.covers(address) for address in ("127.0.0.1", "::1", LOCAL))
    assert unix.covers(LOCAL)
    assert not TRUSTED.covers(LOCAL)
    assert not unix.covers("127.0.0.1")


def test_what_is_no_network_is_named():
    with pytest.raises(ValueError, match=r"'example\.org', which is neither an address nor a network"):
        proxies(["unix", "example.org"])
