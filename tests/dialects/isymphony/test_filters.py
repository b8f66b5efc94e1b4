"""Which events filters let in: the vectors, and a slower way to say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.isymphony_page import EVENTS, VECTORS
from wsevents.dialects.isymphony.filters import EVERYTHING, compile_filters, text, texts


def let_in(filters, event):
    return filters.matches(event["type"], texts(event))


def test_the_page_has_all_vectors():
    assert len(VECTORS) == 13


@pytest.mark.parametrize(("pairs", "expected"), VECTORS, ids=str)
def test_a_vector(pairs, expected):
    filters = compile_filters(pairs)
    assert [name for name, event in EVENTS.items() if let_in(filters, event)] == expected


def test_a_number_in_an_event_is_its_text():
    assert [text(value) for value in (57042, 57042.0, 1.5, -0.0, 10**30, True, False, "1.0")] == [
        "57042",
        "57042",
        "1.5",
        "0",
        str(10**30),
        "true",
        "false",
        "1.0",
    ]


def test_what_asks_for_the_same_is_equal_however_it_is_said():
    one = compile_filters([("type", "a"), ("type", "b"), ("x", "1"), ("y", "2"), ("y", "*")])
    other = compile_filters([("y", "*"), ("x", "1"), ("type", "b"), ("type", "a"), ("x", "1")])
    assert one == other
    assert hash(one) == hash(other)
    assert compile_filters([]) == compile_filters([("type", "*")]) == EVERYTHING


def naive(pairs, event):
    """The rule as the page has it, filter by filter."""
    groups = {name: [value for other, value in pairs if other == name] for name, _ in pairs}
    for name, values in groups.items():
        value = event.get(name)
        if value is None or not any(wanted in ("*", text(value)) for wanted in values):
            return False
    return True


names = st.sampled_from(["type", "time", "username", "port"])
values = st.sampled_from(["*", "a", "b", "1", "true"])
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["a", "b", "*"])},
    optional={name: st.sampled_from([None, "a", "b", 1, 1.0, True]) for name in ("time", "username", "port")},
)


@given(st.lists(st.tuples(names, values), max_size=6), events)
def test_compiled_filters_say_what_the_filters_say_one_by_one(pairs, event):
    assert let_in(compile_filters(pairs), event) == naive(pairs, event)


@given(
    st.lists(st.tuples(st.text(), st.text())),
    st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_filters_compile_and_any_event_is_let_in_or_not(pairs, properties):
    event = {"type": "t", **properties}
    event["type"] = str(event["type"])
    assert let_in(compile_filters(pairs), event) == naive(pairs, event)
