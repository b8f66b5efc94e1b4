"""Methods and content headers as bytes."""

from contextlib import suppress
from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st
from txamqp.content import Content

from tests.buses.amqp.test_table import NAMES, TEXT, VALUES
from wsevents.buses.amqp.frames import (
    OVERHEAD,
    decode_header,
    decode_headers,
    decode_method,
    encode_ack,
    encode_content,
    encode_method,
)
from wsevents.buses.amqp.spec import BODY, END, HEADER, METHOD, load

METHODS = [method for klass in load().classes for method in klass.methods]
FIELDS = {
    "bit": st.booleans(),
    "octet": st.integers(0, 255),
    "short": st.integers(0, 2**16 - 1),
    "long": st.integers(0, 2**32 - 1),
    "longlong": st.integers(0, 2**64 - 1),
    "shortstr": NAMES,
    "longstr": TEXT,
    "table": st.dictionaries(NAMES, VALUES, max_size=3),
}


def method(klass, name):
    return load().classes.byname[klass].methods.byname[name]


def frames_of(data):
    """Return (type, channel, payload) of each frame."""
    found = []
    while data:
        kind, channel, size = unpack_from(">BHL", data)
        found.append((kind, channel, data[7 : 7 + size]))
        assert data[7 + size] == END
        data = data[8 + size :]
    return found


@given(st.sampled_from(METHODS), st.data())
def test_an_encoded_method_is_decoded(one, data):
    args = tuple(data.draw(FIELDS[field.type]) for field in one.fields)
    ((kind, channel, payload),) = frames_of(encode_method(7, one, args))
    decoded = decode_method(load(), payload)
    assert (kind, channel, decoded.method, decoded.args) == (METHOD, 7, one, args)


@given(
    st.binary() | st.sampled_from(METHODS).map(lambda one: bytes([0, one.klass.id, 0, one.id])), st.binary()
)
def test_any_bytes_decode_to_a_method_or_raise_a_value_error(head, rest):
    try:
        decoded = decode_method(load(), head + rest)
    except ValueError:
        return
    ((_, _, payload),) = frames_of(encode_method(0, decoded.method, decoded.args))
    again = decode_method(load(), payload)
    assert (again.method, again.args) == (decoded.method, decoded.args)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bind", (0, "q" * 256, "", "", False, {})),
        ("bind", (0, "", "", "", False, {"a": object()})),
        ("bind", (-1, "", "", "", False, {})),
    ],
)
def test_an_argument_that_does_not_fit_is_named(name, args):
    with pytest.raises(ValueError, match=r"queue|arguments|reserved-1"):
        encode_method(1, method("queue", name), args)


def test_an_ack_frame_equals_the_encoded_method():
    assert encode_ack(1, 2**40) == encode_method(1, method("basic", "ack"), (2**40, True))


@given(st.binary(max_size=300), st.dictionaries(NAMES, VALUES, max_size=3), st.booleans())
def test_content_is_a_header_and_frames_within_the_negotiated_size(body, headers, typed):
    properties = {"headers": headers, "delivery-mode": 2}
    if typed:
        properties |= {"content-type": "application/json", "content-encoding": "utf-8"}
    header, *rest = frames_of(b"".join(encode_content(1, Content(body, properties=properties), 64)))
    size, flags = decode_header(header[2])
    assert (header[0], size) == (HEADER, len(body))
    assert decode_headers(header[2], flags) == headers
    assert all(kind == BODY and 0 < len(part) <= 64 - OVERHEAD for kind, _, part in rest)
    assert b"".join(part for _, _, part in rest) == body


@given(st.binary())
def test_any_bytes_decode_to_a_content_header_or_raise_a_value_error(data):
    with suppress(ValueError):
        _, flags = decode_header(data)
        assert isinstance(decode_headers(data, flags), dict)


@pytest.mark.parametrize(
    ("body", "properties"),
    [("text", {}), (b"", {"colour": "red"}), (b"", {"type": "t" * 256}), (b"", {"priority": 256})],
)
def test_content_that_does_not_fit_is_a_value_error(body, properties):
    with pytest.raises(ValueError, match=r"bytes|unknown|type|priority"):
        list(encode_content(1, Content(body, properties=properties), 4096))
