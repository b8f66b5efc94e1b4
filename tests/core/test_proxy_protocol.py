"""The headers of the PROXY protocol, versions 1 and 2."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsevents.core.proxy_protocol import BINARY_MAX, LINE_MAX, ProxyHeader, ProxyHeaderError, read

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(first, kind, body):
    return SIGNATURE + bytes([first, kind]) + struct.pack("!H", len(body)) + body


def ends(address, port, more=b""):
    return address.packed * 2 + struct.pack("!HH", port, 9502) + more


def line(address, port):
    return f"PROXY TCP{address.version} {address} {address} {port} 9502\r\n".encode()


def pieces(data, size):
    """Return the header of data that arrives in pieces, and the number of bytes read until then."""
    for end in range(size, len(data) + size, size):
        if (found := read(data[:end])) is not None:
            return found, data[:end]
    raise AssertionError("it never ends")


ADDRESSES = st.ip_addresses()
PORTS = st.integers(0, 65535)


@given(ADDRESSES, PORTS, st.binary(max_size=50), st.integers(1, 60))
def test_a_version_1_header_has_the_clients_address_in_any_fragmentation(address, port, rest, size):
    head = line(address, port)
    found, _ = pieces(head + rest, size)
    assert found == ProxyHeader(len(head), str(address), port)


@given(ADDRESSES, PORTS, st.binary(max_size=50), st.binary(max_size=50), st.integers(1, 60))
def test_a_version_2_header_has_the_clients_address_with_any_additional_fields(
    address, port, more, rest, size
):
    kind = 0x11 if address.version == 4 else 0x21
    head = binary(0x21, kind, ends(address, port, more))
    found, _ = pieces(head + rest, size)
    assert (found.size, found.address, found.port) == (len(head), str(address), port)


def told(*values):
    """Return the additional fields of a version 2 header from pairs of type and value."""
    return b"".join(bytes([kind]) + struct.pack("!H", len(value)) + value for kind, value in values)


@pytest.mark.parametrize(
    ("more", "secure"),
    [
        (b"", False),
        (told((0x20, b"\x01" + bytes(4))), True),
        (told((0x20, b"\x07" + bytes(4))), True),
        (told((0x20, b"\x00" + bytes(4))), False),
        (told((0x01, b"h2"), (0x04, b""), (0x20, b"\x01" + bytes(4) + told((0x21, b"TLSv1.3")))), True),
        (told((0x01, b"\x20\0\1\1")), False),
        (b"\x01\xff\xff\x20\0\1\1", False),
        (b"\x20\0", False),
        (b"\x20\0\0", False),
    ],
)
def test_a_version_2_header_can_report_tls(more, secure):
    assert read(binary(0x21, 0x11, ends(IPv4Address("192.0.2.7"), 1, more))).secure is secure


@pytest.mark.parametrize(
    "head",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        binary(0x20, 0x00, b""),
        binary(0x20, 0x11, ends(IPv4Address("192.0.2.7"), 1)),
        binary(0x20, 0xFF, b"whatever"),
        binary(0x21, 0x00, b""),
        binary(0x21, 0x12, ends(IPv4Address("192.0.2.7"), 1)),
        binary(0x21, 0x31, bytes(216)),
    ],
)
def test_a_header_can_have_no_address(head):
    assert read(head + b"rest") == ProxyHeader(len(head))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
        b"PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n",
        b"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 2001:db8::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 nowhere 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.\xb7 192.0.2.1 1 2\r\n",
        b"PROXY UNKNOWNTHING\r\n",
        b"PROXY UNKNOWN\n\n\r\n",
        b"PROXY UNKNOWN " + b"x" * LINE_MAX,
        binary(0x11, 0x11, ends(IPv4Address("192.0.2.7"), 1)),
        binary(0x22, 0x11, ends(IPv4Address("192.0.2.7"), 1)),
        binary(0x21, 0x11, ends(IPv4Address("192.0.2.7"), 1)[:-1]),
        binary(0x21, 0x21, ends(IPv4Address("192.0.2.7"), 1)),
        binary(0x21, 0x11, bytes(BINARY_MAX)),
    ],
)
def test_invalid_bytes_raise_before_the_longest_header_is_complete(data):
    with pytest.raises(ProxyHeaderError):
        read(data)


@pytest.mark.parametrize(
    "data", [b"", b"PRO", b"PROXY TCP4 192.0.2.7", SIGNATURE[:5], binary(0x21, 0x11, b"x" * 40)[:30]]
)
def test_an_incomplete_header_is_none(data):
    assert read(data) is None


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: SIGNATURE + data))
@example(b"")
@example(b"PROXY TCP4 1.1.1.1 1.1.1.1 \xb2 1\r\n")
def test_any_bytes_are_a_header_or_incomplete_or_raise(data):
    try:
        found = read(data)
    except ProxyHeaderError:
        return
    assert found is None or 0 < found.size <= len(data)


@given(
    st.sampled_from([line(IPv6Address("2001:db8::7"), 1), binary(0x21, 0x11, ends(IPv4Address(1), 2))]),
    st.data(),
)
def test_the_size_of_a_modified_header_never_exceeds_the_data(head, data):
    at = data.draw(st.integers(0, len(head) - 1))
    tampered = head[:at] + data.draw(st.binary(min_size=1, max_size=3)) + head[at + 1 :]
    try:
        found = read(tampered)
    except ProxyHeaderError:
        return
    assert found is None or found.size <= len(tampered)
