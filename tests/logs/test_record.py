"""The text and JSON formats of a line, and the fields that a line may have."""

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


def test_the_text_format_has_logger_level_worker_and_text():
    assert as_text(LogLine(0, "warn", "a.b", "it rains")) == "[a.b#warn] it rains"
    assert as_text(LogLine(0, "info", "a", "it rains", worker=2)) == "[a#info] worker 2: it rains"


def test_continuation_lines_are_indented():
    line = LogLine(0, "critical", "a", "it failed", trace='Traceback:\n  File "x"\nKeyError')
    assert as_text(line) == '[a#critical] it failed\n\tTraceback:\n\t  File "x"\n\tKeyError'


@given(LINES)
def test_a_text_cannot_move_the_cursor_or_begin_another_entry(line):
    first, *others = as_text(LogLine(line.time, line.level, "who", line.text, trace=line.trace)).split("\n")
    assert first.startswith("[who#")
    assert all(other.startswith("\t") for other in others)
    assert all(char.isprintable() or char == "\t" for one in (first, *others) for char in one)


def test_umlauts_and_other_scripts_are_not_escaped():
    assert as_text(LogLine(0, "info", "a", "Müller ☎ 東京")) == "[a#info] Müller ☎ 東京"


@given(LINES)
def test_json_is_one_object_a_line_in_ascii(line):
    text = as_json(line)
    assert text.isascii()
    assert "\n" not in text
    record = json.loads(text)
    assert (record["level"], record["who"], record["text"]) == (line.level, line.logger, line.text)
    assert record.get("trace", "") == line.trace or not line.trace
    assert record.get("worker") == line.worker or "worker" in line.fields


def test_the_time_is_utc_with_milliseconds():
    assert json.loads(as_json(LogLine(1.5, "info", "a", "b")))["time"] == "1970-01-01T00:00:01.500Z"
    assert json.loads(as_json(LogLine(None, "info", "a", "b")))["time"] is None


def test_a_field_does_not_replace_a_standard_key():
    line = LogLine(0, "info", "a", "b", {"peers": 3, "text": "other"}, worker=1)
    record = json.loads(as_json(line))
    assert (record["peers"], record["text"], record["worker"]) == (3, "b", 1)


def test_fields_are_named_in_the_text_and_scalars_of_json():
    event = {
        "log_format": "{user} of {tenant} with {object} for {seconds:.0f} s, {code}, {no}, {log_level}{x!r}",
        "user": "u1",
        "tenant": "-",
        "object": object(),
        "seconds": 3.14159,
        "code": 1001,
        "token": "s3cret",
        "log_level": "x",
        "x": float("nan"),
    }
    assert fields_of(event) == {"user": "u1", "tenant": None, "seconds": 3.142, "code": 1001}


@given(st.text())
def test_any_format_is_parsed_without_an_error(text):
    assert fields_of({"log_format": text, "a": 1}).keys() <= {"a"}


def test_an_event_without_a_format_has_no_fields():
    assert fields_of({"log_format": None, "a": 1}) == {}
