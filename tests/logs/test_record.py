"""A line looks as people or programs want it, and holds nothing but what was meant for the log."""

import json

from hypothesis import given
from hypothesis import strategies as st

from wsevents.logs.record import LEVELS, LogLine, as_json, as_text, fields_of

FIELDS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())
LINES = st.builds(
    LogLine,
    st.floats(0, 2**33),
    st.sampled_from(LEVELS),
    st.text(),
    st.text(),
    FIELDS,
    st.text(),
    st.none() | st.integers(1, 9),
)


def test_people_read_who_how_bad_and_what():
    assert as_text(LogLine(0, "warn", "a.b", "it rains")) == "[a.b#warn] it rains"
    assert as_text(LogLine(0, "info", "a", "it rains", worker=2)) == "[a#info] worker 2: it rains"


def test_what_follows_the_first_line_is_indented():
    line = LogLine(0, "critical", "a", "it failed", trace='Traceback:\n  File "x"\nKeyError')
    assert as_text(line) == '[a#critical] it failed\n\tTraceback:\n\t  File "x"\n\tKeyError'


@given(LINES)
def test_nothing_in_a_text_moves_the_cursor_or_begins_another_entry(line):
    first, *others = as_text(LogLine(line.time, line.level, "who", line.text, trace=line.trace)).split("\n")
    assert first.startswith("[who#")
    assert all(other.startswith("\t") for other in others)
    assert all(char.isprintable() or char == "\t" for one in (first, *others) for char in one)


def test_umlauts_and_other_scripts_stay():
    assert as_text(LogLine(0, "info", "a", "Müller ☎ 東京")) == "[a#info] Müller ☎ 東京"


@given(LINES)
def test_json_is_one_object_a_line_in_ascii(line):
    text = as_json(line)
    assert text.isascii()
    assert "\n" not in text
    said = json.loads(text)
    assert (said["level"], said["who"], said["text"]) == (line.level, line.who, line.text)
    assert said.get("trace", "") == line.trace or not line.trace
    assert said.get("worker") == line.worker or "worker" in line.fields


def test_the_time_is_utc_with_milliseconds():
    assert json.loads(as_json(LogLine(1.5, "info", "a", "b")))["time"] == "1970-01-01T00:00:01.500Z"
    assert json.loads(as_json(LogLine(None, "info", "a", "b")))["time"] is None


def test_fields_stand_beside_the_text_and_never_replace_it():
    line = LogLine(0, "info", "a", "b", {"peers": 3, "text": "other"}, worker=1)
    said = json.loads(as_json(line))
    assert (said["peers"], said["text"], said["worker"]) == (3, "b", 1)


def test_only_what_the_text_names_and_json_can_hold_is_a_field():
    event = {
        "log_format": "{user} of {tenant} with {door} for {seconds:.0f} s, {code}, {no}, {log_level}{odd!r}",
        "user": "u1",
        "tenant": "-",
        "door": object(),
        "seconds": 3.14159,
        "code": 1001,
        "token": "s3cret",
        "log_level": "x",
        "odd": float("nan"),
    }
    assert fields_of(event) == {"user": "u1", "tenant": None, "seconds": 3.142, "code": 1001}


@given(st.text())
def test_a_format_of_strangers_names_what_it_may(text):
    assert fields_of({"log_format": text, "a": 1}).keys() <= {"a"}


def test_an_event_without_a_format_has_no_fields():
    assert fields_of({"log_format": None, "a": 1}) == {}
