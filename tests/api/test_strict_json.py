"""Strict JSON: the parser returns an object or raises ValueError."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api.strict_json import parse_object

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10),
)


@given(OBJECTS)
def test_an_object_is_parsed_to_the_value_that_was_serialised(value):
    assert parse_object(json.dumps(value)) == value


@given(OBJECTS)
def test_bytes_are_utf_8(value):
    text = json.dumps(value, ensure_ascii=False)
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # a lone surrogate is valid text in Python, but not in UTF-8
        return
    assert parse_object(raw) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "5",
        '"text"',
        "[]",
        "[{}]",
        "{",
        "{}x",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 01}',
        '{"a": 1,}',
        '{"a": "\n"}',
        "\ufeff{}",
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": ' * 100_000 + "1" + "}" * 100_000,
        '{"a": ' + "9" * 10_000 + "}",
    ],
    ids=lambda text: text[:12] or "empty",
)
def test_text_that_is_not_a_strict_object_raises_a_value_error(text):
    for form in (text, text.encode()):
        with pytest.raises(ValueError):
            parse_object(form)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_are_not_detected(encoding):
    with pytest.raises(ValueError):
        parse_object('{"a": 1}'.encode(encoding))


@given(st.one_of(st.binary(), st.text()))
def test_any_bytes_parse_or_raise_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert isinstance(parse_object(text), dict)
