"""The request that opens a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.http_head import Head, head_end, make_request, parse_head


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
    assert parse_head(head).wants_websocket is wanted


@given(st.binary(max_size=200))
def test_parsing_any_bytes_does_not_raise(data):
    head = parse_head(data)
    assert head is None or head.handshake()
    head_end(data)


@given(st.text(max_size=100) | st.text("/?&=a%:", max_size=20))
def test_any_target_has_a_path_and_a_query_without_blank_values(target):
    request = make_request(target, {})
    assert all(values and all(values) for values in request.query.values())
    assert "?" in target or not request.query


def test_blank_values_are_omitted_and_the_order_is_kept():
    request = make_request("/api/a%20b/?token=&token=x&token=y&v=%20&=&%zz=%ff", {})
    assert request.path == "/api/a b/"
    assert request.query["token"] == ("x", "y")
    assert request.query["v"] == (" ",)


def test_a_parameter_among_many_is_found():
    assert make_request("/?" + "a=1&" * 1000 + "token=x", {}).query["token"] == ("x",)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("ws://host:1/a/b?token=x", "/a/b"),
        ("HTTPS://[::1]?token=x", ""),
        ("//[x?token=x", "//[x"),
        ("*?token=x", "*"),
        ("/a?token=x?y", "/a"),
    ],
)
def test_each_form_of_target_has_a_path_and_a_query(target, path):
    request = make_request(target, {})
    assert request.path == path
    assert request.query["token"][0].startswith("x")


def test_values_of_headers_with_the_same_name_are_joined():
    head = parse_head(b"GET /x HTTP/1.1\r\nA:  1 \r\nB:\r\na:2\r\nC: caf\xc3\xa9\r\nD: \xe9\r\n\r\n")
    assert head is not None
    assert head.headers == {"a": "1, 2", "b": "", "c": "caf\xc3\xa9", "d": "\xe9"}, (
        "one odd byte makes all of it Latin-1"
    )


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET / HTTP/1.1 x\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    ],
)
def test_an_invalid_head_is_none(head):
    assert parse_head(head) is None


def test_the_websocket_layer_sees_neither_target_nor_token_nor_origin():
    head = parse_head(
        b"GET /a?token=s3cret HTTP/1.1\r\nHost: h:x\r\nOrigin: about:blank\r\nX-Auth-Token: s3cret\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert isinstance(head, Head)
    assert head.handshake() == (
        b"GET / HTTP/1.1\r\nhost: wsevents\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-key: k\r\nsec-websocket-version: 13\r\n\r\n"
    )
