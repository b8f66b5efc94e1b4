"""What a Wazo client may send: each row of the validation table, and anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.dialects.wazo.command import (
    PingCommand,
    StartCommand,
    SubscribeCommand,
    TokenCommand,
    UnsubscribeCommand,
    WazoCommandError,
    decode,
)

BAD = [
    b"binary",
    "",
    "not json",
    "[]",
    '"start"',
    "5",
    "null",
    "{}",
    '{"op": null}',
    '{"op": 5}',
    '{"op": ["start"]}',
    '{"op": "stop"}',
    '{"op": "init"}',
    '{"op": "event"}',
    '{"op": "pong"}',
    '{"op": "__class__"}',
    '{"op": "subscribe"}',
    '{"op": "subscribe", "data": "x"}',
    '{"op": "subscribe", "data": null}',
    '{"op": "subscribe", "data": {}}',
    '{"op": "subscribe", "data": {"event_name": 5}}',
    '{"op": "subscribe", "data": {"event_name": null}}',
    '{"op": "unsubscribe", "data": {"name": "x"}}',
    '{"op": "token", "data": {"token": 1}}',
    '{"op": "token"}',
    '{"op": "ping", "data": {"payload": {}}}',
    '{"op": "ping", "data": []}',
    '{"op": "start"} x',
    '{"op": "start", "x": NaN}',
    '{"op":' * 100000,
    "[" * 100000,
]
GOOD = [
    ({"op": "start"}, StartCommand()),
    ({"op": "start", "data": 5, "extra": []}, StartCommand()),
    ({"op": "subscribe", "data": {"event_name": "x", "more": 1}}, SubscribeCommand("x")),
    ({"op": "subscribe", "data": {"event_name": ""}}, SubscribeCommand("")),
    ({"op": "unsubscribe", "data": {"event_name": "*"}}, UnsubscribeCommand("*")),
    ({"op": "token", "data": {"token": "t"}}, TokenCommand("t")),
    ({"op": "ping", "data": {"payload": "\ud800"}}, PingCommand("\ud800")),
]


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_an_invalid_command_raises_an_error(message):
    with pytest.raises(WazoCommandError):
        decode(message)


@pytest.mark.parametrize(("message", "command"), GOOD, ids=range(len(GOOD)))
def test_what_it_has_is_a_command(message, command):
    assert decode(json.dumps(message)) == command


def test_an_error_does_not_quote_a_possible_token():
    with pytest.raises(WazoCommandError) as caught:
        decode('{"op": "token", "data": {"token": ["s3cret"]}}')
    assert "s3cret" not in str(caught.value)


def test_a_command_does_not_show_its_token():
    assert "s3cret" not in repr(decode('{"op": "token", "data": {"token": "s3cret"}}'))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["start", "subscribe", "token", "ping", "unsubscribe"]) | json_values,
        "data": st.fixed_dictionaries(
            {}, optional={"event_name": json_values, "token": json_values, "payload": json_values}
        )
        | json_values,
    },
)


@given(st.text() | st.binary() | near_misses.map(json.dumps))
def test_any_message_yields_a_command_or_the_error(message):
    try:
        command = decode(message)
    except WazoCommandError:
        return
    operation = json.loads(message)["op"]
    assert (
        type(command)
        is {
            "start": StartCommand,
            "subscribe": SubscribeCommand,
            "unsubscribe": UnsubscribeCommand,
            "token": TokenCommand,
            "ping": PingCommand,
        }[operation]
    )
