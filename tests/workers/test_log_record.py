"""A worker's log lines reach the supervisor unchanged."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.logs.record import LogLine
from wsevents.workers.log_record import Splitter, decode, encode

LINES = st.builds(
    LogLine,
    st.none() | st.floats(0, 2**33),
    st.sampled_from(["info", "warn"]),
    st.text(),
    st.text(),
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
    st.text(),
    st.just(3),
)


@given(LINES)
def test_a_line_is_decoded_as_it_was_encoded(line):
    data = encode(line)
    assert data.index(b"\n") == len(data) - 1
    assert decode(data, "fallback", 3) == line


@given(st.lists(LINES), st.data())
def test_lines_are_complete_for_any_division_of_the_stream(lines, data):
    sent, splitter, got = b"".join(map(encode, lines)), Splitter(), []
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        got += splitter.feed(sent[:size])
        sent = sent[size:]
    assert [decode(one, "fallback", 3) for one in got + splitter.rest()] == lines


@given(st.binary())
def test_other_data_is_a_warning_with_its_text(data):
    line = decode(b"!" + data, "python", 3)
    assert (line.time, line.level, line.logger) == (None, "warn", "python")
    assert line.text == (b"!" + data).decode("utf-8", "replace").rstrip()


def test_other_json_is_not_a_line():
    for data in (
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{}",
        b'{"time": 1}',
        b'{"time": 1, "level": "x", "logger": 1, "text": 2}',
        b'{"time": 1, "level": "x", "logger": 1, "text": 2, "fields": {}, "trace": ""}',
        b'{"time": 1, "level": "info", "logger": "w", "text": "t", "fields": 1, "trace": ""}',
        b"[" * 100_000,
    ):
        assert decode(data, "x", 3) == LogLine(None, "warn", "x", data.decode(), worker=3)


def test_the_last_line_needs_no_newline_and_blank_lines_are_skipped():
    splitter = Splitter()
    assert splitter.feed(b"\n \nlast") == []
    assert splitter.rest() == [b"last"]
    assert splitter.rest() == []
