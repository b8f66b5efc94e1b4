"""What a worker says arrives as it was said, whatever it was."""

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
def test_a_line_comes_back(line):
    data = encode(line)
    assert data.index(b"\n") == len(data) - 1
    assert decode(data, "nobody", 3) == line


@given(st.lists(LINES), st.data())
def test_lines_come_whole_however_their_bytes_are_cut(lines, data):
    sent, splitter, got = b"".join(map(encode, lines)), Splitter(), []
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        got += splitter.feed(sent[:size])
        sent = sent[size:]
    assert [decode(one, "nobody", 3) for one in got + splitter.rest()] == lines


@given(st.binary())
def test_anything_else_is_a_warning_as_it_stands(data):
    line = decode(b"!" + data, "python", 3)
    assert (line.time, line.level, line.who) == (None, "warn", "python")
    assert line.text == (b"!" + data).decode("utf-8", "replace").rstrip()


def test_json_of_strangers_is_no_line():
    for data in (
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{}",
        b'{"time": 1}',
        b'{"time": 1, "level": "x", "who": 1, "text": 2}',
        b'{"time": 1, "level": "x", "who": 1, "text": 2, "fields": {}, "trace": ""}',
        b'{"time": 1, "level": "info", "who": "w", "text": "t", "fields": 1, "trace": ""}',
        b"[" * 100_000,
    ):
        assert decode(data, "x", 3) == LogLine(None, "warn", "x", data.decode(), worker=3)


def test_the_last_words_need_no_newline_and_blank_lines_are_none():
    splitter = Splitter()
    assert splitter.feed(b"\n \nlast") == []
    assert splitter.rest() == [b"last"]
    assert splitter.rest() == []
