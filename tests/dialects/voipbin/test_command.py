"""What a client may send, read as VoIPBIN's server reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.dialects.voipbin.command import Command, decode

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"type": "subscribe", "topics": ["a", "b"]}', Command("subscribe", ("a", "b"))),
        ('{"Type": "unsubscribe", "TOPICS": ["a"]}', Command("unsubscribe", ("a",))),
        ('{"type": "x", "TYPE": "subscribe"}', Command("subscribe")),
        ('{"type": "subscribe", "more": 1}', Command("subscribe")),
        ('{"topics": ["a"]}', Command("", ("a",))),
        ('{"type": null, "topics": null}', Command()),
        ('{"type": "subscribe", "topics": [null]}', Command("subscribe", ("",))),
        ("{}", Command()),
    ],
)
def test_a_message_is_read(text, command):
    assert decode(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "subscribe",
        "[]",
        "null",
        '"subscribe"',
        '{"type": "subscribe", "topics": "a"}',
        '{"type": "subscribe", "topics": {"a": 1}}',
        '{"type": "subscribe", "topics": ["a", 1]}',
        '{"type": 1, "topics": []}',
        '{"type": "subscribe"} {}',
        '{"type": "subscribe", "topics": [NaN]}',
        "[" * 100000,
        '{"topics":' * 50000,
        '{"n": ' + "9" * 5000 + "}",
    ],
)
def test_an_invalid_message_yields_none(text):
    assert decode(text) is None


@given(st.text())
def test_no_text_is_too_odd(text):
    assert isinstance(decode(text), Command | None)


@given(st.dictionaries(st.sampled_from(["type", "topics", "Topics", "x"]), JSON))
def test_no_object_is_too_odd(value):
    found = decode(json.dumps(value))
    assert found is None or all(isinstance(topic, str) for topic in found.topics)
