"""What an iSymphony client may send: each row of the page's table, and anything else."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.isymphony_page import MISTAKES
from wsevents.dialects.isymphony.command import FilterCommandError, SetFilters, decode
from wsevents.dialects.isymphony.filters import compile_filters
from wsevents.dialects.isymphony.session import failure, success

PAIR = "each filter must be an object with the texts property and value"


def filters(*pairs, **more):
    fields = {"type": "filter", "filters": [{"property": name, "value": value} for name, value in pairs]}
    return json.dumps(fields | more)


@pytest.mark.parametrize(("message", "error"), MISTAKES, ids=range(len(MISTAKES)))
def test_each_documented_error_is_raised(message, error):
    with pytest.raises(FilterCommandError) as caught:
        decode(message)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("message", "correlation"),
    [
        ('{"type": "x", "correlationId": 7}', 7),
        ('{"type": "filter", "filters": 1, "correlationId": "a"}', "a"),
        ('{"type": "filter", "filters": [1], "correlationId": false}', False),
        ('{"type": "filter", "filters": [1]}', None),
        ('{"correlationId": "a"', None),
        ('{"type": "filter", "filters": [], "correlationId": []}', None),
    ],
)
def test_an_error_has_the_correlation_id_if_it_is_valid(message, correlation):
    with pytest.raises(FilterCommandError) as caught:
        decode(message)
    assert caught.value.correlation == correlation


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[" * 100000,
        '{"a":' * 100000,
        '{"type": "filter", "filters": []} x',
        "\ud800",
        '{"a": ' + "9" * 5000 + "}",
    ],
)
def test_json_that_other_parsers_fail_on_raises_an_error(message):
    with pytest.raises(FilterCommandError, match="must be a JSON object"):
        decode(message)


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (57042, "57042"),
        (57042.0, "57042"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("", ""),
        (10**400, str(10**400)),
    ],
)
def test_a_number_or_a_truth_value_in_a_filter_stands_for_its_text(value, same):
    assert decode(filters(("port", value))) == SetFilters(compile_filters([("port", same)]))


def test_further_keys_are_ignored():
    message = {"type": "filter", "more": 1, "filters": [{"property": "a", "value": "b", "more": []}]}
    assert decode(json.dumps(message)) == SetFilters(compile_filters([("a", "b")]))


@pytest.mark.parametrize(
    "correlation", ["123456", "", "é\ud800", 0, -1.5, True, None, "x" * 1024, -int("9" * 4300)]
)
def test_the_correlation_id_comes_back_as_it_was(correlation):
    command = decode(filters(correlationId=correlation))
    assert json.loads(success(command.correlation, 1.5).text) == {
        "type": "success",
        "time": 1500,
        "correlationId": correlation,
    }
    success(command.correlation, 1.5).text.encode()


def test_any_number_of_filters_is_taken():
    command = decode(filters(*((f"p{number % 100}", str(number)) for number in range(20000))))
    assert len(command.filters.others) == 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("filter") | json_values,
        "correlationId": json_values,
        "filters": st.lists(
            st.fixed_dictionaries({}, optional={"property": json_values, "value": json_values}) | json_values,
            max_size=3,
        )
        | json_values,
    },
)


@given(st.text() | st.binary() | near_misses.map(json.dumps))
def test_any_message_yields_filters_or_an_error_and_both_have_a_reply(message):
    try:
        reply = success(decode(message).correlation, 1.0)
    except FilterCommandError as mistake:
        reply = failure(mistake, 1.0)
    fields = json.loads(reply.text)
    assert list(fields) == sorted(fields)
    assert reply.text.isascii()
    with suppress(ValueError):
        sent = json.loads(message)
        if isinstance(sent, dict) and fields["type"] == "success":
            assert fields["correlationId"] == sent.get("correlationId")
