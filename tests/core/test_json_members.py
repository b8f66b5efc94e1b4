"""The members of a JSON object with their source texts."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api.strict_json import parse_object
from wsevents.core.json_members import Part, parse_parts

BAD = [
    "",
    " ",
    "{",
    "}",
    "[]",
    "null",
    '"a"',
    "{1:2}",
    "{null:2}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":1}}',
    '{"a":1} x',
    '{,"a":1}',
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '\ufeff{"a":1}',
    '{"a":"\n"}',
    '{"a":' * 100000,
    '{"a":' + "[" * 100000,
    '{"a":' + "1" * 5000 + "}",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_text_that_is_not_an_object_with_unique_keys_raises(text):
    with pytest.raises(ValueError):
        parse_parts(text)


def test_each_value_comes_with_its_text():
    text = ' { "a" : 1.50 ,\t"b":{"c": [1, 2]}\r\n, "\\u0064":"\\u00e9\\/" } \n'
    assert parse_parts(text) == {
        "a": Part(1.5, "1.50"),
        "b": Part({"c": [1, 2]}, '{"c": [1, 2]}'),
        "d": Part("é/", '"\\u00e9\\/"'),
    }
    assert parse_parts("{}") == parse_parts(" { } ") == {}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4), st.sampled_from([None, 0, 2]), st.booleans())
def test_the_texts_of_any_object_parse_to_its_values(fields, indent, ascii_only):
    with suppress(ValueError):  # an infinity
        text = json.dumps(fields, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
        parts = parse_parts(text)
        assert {key: part.value for key, part in parts.items()} == fields
        assert {key: json.loads(part.text) for key, part in parts.items()} == fields


@given(st.text() | st.text('{}[]":,\\ 01ae').map(lambda text: "{" + text))
def test_any_text_raises_or_gives_the_result_of_the_strict_reader(text):
    try:
        parts = parse_parts(text)
    except ValueError:
        return
    assert {key: part.value for key, part in parts.items()} == parse_object(text)
