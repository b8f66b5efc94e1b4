"""The client address and scheme that HTTP proxies report."""

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
def test_the_last_address_that_is_not_a_trusted_proxy_is_the_clients(text, found):
    assert for_(text) == found


def test_without_the_headers_address_and_scheme_are_unknown():
    assert peer({}, TRUSTED) is None
    assert secure({}) is None


hops = st.ip_addresses().map(str) | st.text(alphabet='0123456789abcdef.:,[]" x', max_size=20)
ports = st.just("") | st.integers(0, 99999).map(":{}".format)


@given(st.lists(st.builds("{}{}".format, hops, ports), max_size=4).map(", ".join))
def test_any_text_gives_a_valid_address_and_port_or_none(text):
    found = for_(text)
    if found is not None:
        address, port = found
        assert str(ip_address(address)) == address
        assert 0 <= port <= 65535
        assert text.count(":") + text.count(".") >= 2, "an address has that many separators"


@given(st.text(max_size=50), st.ip_addresses())
def test_entries_that_the_client_sends_itself_are_ignored(said, address):
    real = str(getattr(address, "ipv4_mapped", None) or address)
    if not TRUSTED.covers(real):
        assert for_(f"{said}, {address}") == (real, 0)


@pytest.mark.parametrize(
    ("said", "is_secure"),
    [("https", True), ("HTTPS ", True), ("wss", True), ("http", False), ("ws", False), ("http, https", True),
     ("https, http", False), ("", None), ("ftp", None)],
)  # fmt: skip
def test_the_last_forwarded_scheme_counts(said, is_secure):
    assert secure({"x-forwarded-proto": said}) is is_secure


def test_only_listed_proxies_are_trusted_and_unix_sockets_only_by_their_keyword():
    nobody, unix = proxies([]), proxies(["unix"])
    assert not nobody
    assert not any(nobody.covers(address) for address in ("127.0.0.1", "::1", LOCAL))
    assert unix.covers(LOCAL)
    assert not TRUSTED.covers(LOCAL)
    assert not unix.covers("127.0.0.1")


def test_an_invalid_network_is_quoted_in_the_error():
    with pytest.raises(ValueError, match=r"'example\.org', which is neither an address nor a network"):
        proxies(["unix", "example.org"])
