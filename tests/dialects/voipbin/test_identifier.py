"""Uuids and times, as they are read and written."""

from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.dialects.voipbin.identifier import NIL, canonical, written
from wsevents.dialects.voipbin.moment import moment, stamp


@given(st.uuids().filter(lambda uuid: uuid.int))
def test_every_form_of_a_uuid_is_read(uuid):
    forms = [str(uuid), uuid.hex, f"{{{uuid}}}", f"{{{uuid.hex}}}"]
    assert {canonical(form) for text in forms for form in (text, text.upper())} == {str(uuid)}


@pytest.mark.parametrize(
    "text",
    [
        NIL,
        "",
        "0" * 32,
        f"{{{NIL}}}",
        "1" * 31,
        "{" + "1" * 32,
        "1" * 32 + "}",
        "g" * 32,
        f" {'1' * 32}",
        "１" * 32,
    ],
)
def test_an_invalid_uuid_yields_none(text):
    assert canonical(text) is None


@given(st.one_of(st.none(), st.text(), st.integers(), st.binary(), st.lists(st.text())))
def test_nothing_is_too_odd_to_be_asked_about(value):
    assert canonical(value) is None or UUID(canonical(value))


@given(st.integers(0, 2**128 - 1))
def test_bits_are_written_as_a_uuid(number):
    assert written(number) == str(UUID(int=number))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:01:00.500000Z", 60.5),
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01 00:01:00", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        (60, 60.0),
        (datetime(1970, 1, 1, 0, 1), 60.0),  # noqa: DTZ001 as YAML gives it
        (date(1970, 1, 2), 86400.0),
    ],
)
def test_a_time_is_read(value, seconds):
    assert moment(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "1970-13-01", True, None, [], float("nan"), float("inf"), 10**400]
)
def test_an_invalid_time_yields_none(value):
    assert moment(value) is None


@given(st.one_of(st.text(), st.floats(), st.integers(), st.dates(), st.datetimes(), st.booleans(), st.none()))
def test_no_value_is_too_odd_to_be_asked_for_a_time(value):
    assert isinstance(moment(value), float | None)


def test_a_time_is_written_with_microseconds_in_utc():
    assert stamp(1768905000.0) == "2026-01-20T10:30:00.000000Z"
