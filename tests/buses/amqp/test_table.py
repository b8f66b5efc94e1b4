"""Field tables: everything goes both ways, and nothing but ValueError comes of bad bytes or values."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsevents.buses.amqp.table import MAX_DEPTH, decode_table, encode_shortstr, encode_table

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXT.filter(lambda text: len(text.encode()) <= 255)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary()
    | st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))  # noqa: DTZ001 bounds are naive by definition
    | st.builds(
        lambda unscaled, scale: Decimal(unscaled).scaleb(-scale),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(0, 9),
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=10,
)


def typed(value):
    """Return the value with the types within it, as 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value), value


@given(st.dictionaries(NAMES, VALUES))
def test_an_encoded_table_is_decoded(table):
    data = encode_table(table)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert typed(decode_table(data, 4)) == typed(table)
    assert typed(decode_table(b"before" + data[4:] + b"after", 6, 2 + len(data))) == typed(table)


@given(st.binary())
@example(b"\1aS\xff\xff\xff\xff")
@example(b"\1aA\0\0\0\5VV")
@example(b"\1aF\0\0\0\1\1" + b"\1aV")
@example(b"\1aD\xff\0\0\0\0")
@example(b"\1aT" + b"\xff" * 8)
def test_any_bytes_decode_to_a_table_or_raise_a_value_error(data):
    with suppress(ValueError):
        assert isinstance(decode_table(data), dict)


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.data())
def test_a_truncated_table_raises_a_value_error_or_is_shorter(table, data):
    whole = encode_table(table)[4:]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with suppress(ValueError):
        assert len(decode_table(whole[:cut])) < len(table)
    with pytest.raises(ValueError, match="truncated"):
        decode_table(whole[:cut], 0, len(whole))


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"t\0", False),
        (b"t\2", True),
        (b"b\xff", -1),
        (b"B\xff", 255),
        (b"s\xff\xfe", -2),
        (b"u\xff\xfe", 65534),
        (b"I\xff\xff\xff\xff", -1),
        (b"i\xff\xff\xff\xff", 2**32 - 1),
        (b"l" + b"\xff" * 8, -1),
        (b"L" + b"\xff" * 8, -1),
        (b"f\x3f\xc0\0\0", 1.5),
        (b"d\x3f\xf8" + bytes(6), 1.5),
        (b"D\2\0\0\4\xd2", Decimal("12.34")),
        (b"D\1\xff\xff\xff\xff", Decimal("-0.1")),
        (b"S\0\0\0\2\xc3\xa9", "é"),
        (b"S\0\0\0\1\xff", b"\xff"),
        (b"x\0\0\0\2\xc3\xa9", b"\xc3\xa9"),
        (b"A\0\0\0\3Vt\1", [None, True]),
        (b"A\0\0\0\6S\0\0\0\1\xff", [b"\xff"]),
        (b"F\0\0\0\3\1aV", {"a": None}),
        (b"F\0\0\0\0", {}),
        (b"T\0\0\0\0\0\0\0\1", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (b"T" + b"\xff" * 8, 2**64 - 1),
        (b"V", None),
    ],
)
def test_each_type_of_rabbitmq_is_decoded(raw, value):
    assert typed(decode_table(b"\4name" + raw + b"\1zV")) == typed({"name": value, "z": None})


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (True, b"t\1"),
        (1, b"I\0\0\0\1"),
        (-1, b"I\xff\xff\xff\xff"),
        (2**31, b"l\0\0\0\0\x80\0\0\0"),
        ("é", b"S\0\0\0\2\xc3\xa9"),
        ((1,), b"A\0\0\0\5I\0\0\0\1"),
    ],
)
def test_each_value_has_its_type(value, raw):
    assert encode_table({"a": value}) == (2 + len(raw)).to_bytes(4, "big") + b"\1a" + raw


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        object(),
        {1},
        "\ud800",
        datetime(2026, 1, 1),  # noqa: DTZ001 without a time zone on purpose
        datetime(1969, 1, 1, tzinfo=UTC),
        Decimal("NaN"),
        Decimal("1E+3"),
        Decimal("0.1") ** 256,
        Decimal(2**31),
        {1: "a"},
        {"a" * 256: 1},
        {"é" * 128: 1},
        [[object()]],
    ],
)
def test_a_value_without_an_amqp_form_raises_a_value_error(value):
    with pytest.raises(ValueError):
        encode_table({"a": value})


def nested(depth, wrap):
    value = None
    for _ in range(depth):
        value = wrap(value)
    return {"a": value}


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
def test_the_nesting_depth_is_bounded_when_encoding_and_decoding(wrap):
    fits = nested(MAX_DEPTH, wrap)
    assert decode_table(encode_table(fits), 4) == fits
    with pytest.raises(ValueError, match="too deep"):
        encode_table(nested(MAX_DEPTH + 1, wrap))
    for kind in b"A", b"F":
        name = b"\1a" if kind == b"F" else b""
        raw = b""
        for _ in range(5000):
            raw = name + kind + len(raw).to_bytes(4, "big") + raw
        with pytest.raises(ValueError, match="too deep"):
            decode_table(b"\1a" * (kind == b"A") + raw)


def test_strings_are_counted_in_bytes():
    assert encode_shortstr("é") == b"\2\xc3\xa9"
    assert encode_shortstr("é" * 127)[0] == 254
    with pytest.raises(ValueError, match="255"):
        encode_shortstr("é" * 128)
