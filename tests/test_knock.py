"""The request that opens a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.knock import head_end, make_request, may_come_from, wants_websocket


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nhost: x\r\nUPGRADE:WebSocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", False),
        (b"GET /upgrade:websocket HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\n\r\n", False),
    ],
)
def test_only_the_upgrade_header_asks_for_a_websocket(head, wanted):
    assert wants_websocket(head) is wanted


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data):
    wants_websocket(data)
    head_end(data)


@given(st.text(max_size=100))
def test_no_target_makes_it_raise(target):
    make_request(target, {})


def test_blank_values_are_left_out_and_the_order_is_kept():
    request = make_request("/api/a%20b/?token=&token=x&token=y&v=%20&=&%zz=%ff", {})
    assert request.path == "/api/a b/"
    assert request.query["token"] == ("x", "y")
    assert request.query["v"] == (" ",)


def test_a_flood_of_fields_is_no_query_at_all():
    assert make_request("/?" + "a=1&" * 1000, {}).query == {}


@pytest.mark.parametrize(
    ("origin", "patterns", "allowed"),
    [
        (None, ("https://a.example",), True),
        ("null", ("*",), True),
        ("null", ("https://a.example",), False),
        ("https://A.example", ("https://a.example",), True),
        ("https://a.example:8443", ("https://a.example",), False),
        ("https://x.a.example", ("https://*.a.example",), True),
        ("https://evil.example", ("https://*.a.example", "https://b.example"), False),
        ("http://[::1]:80", ("http://[::1]:*",), True),
    ],
)
def test_a_page_connects_only_from_an_allowed_origin(origin, patterns, allowed):
    assert may_come_from(origin, patterns) is allowed
