"""What is said again and again is said once, then counted, and no count is lost."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsevents.logs.deduplication import KINDS, WINDOW, Deduplicator, message_kind
from wsevents.logs.record import LogLine

LINE = LogLine(0.0, "error", "a.b", "it failed")


def texts(lines):
    return [line.text for line in lines]


def test_the_first_is_written_at_once_and_the_others_are_counted():
    fold = Deduplicator()
    assert [fold.takes(LINE, "", second) for second in (0.0, 1.0, 2.0)] == [True, False, False]
    assert fold.due(WINDOW - 1) == []
    (told,) = fold.due(WINDOW)
    assert told == evolve(
        LINE, text="it failed (… and 2 more like it in 60 s)", fields={"repeated": 2}, trace=""
    )


def test_as_long_as_it_goes_on_there_is_one_line_a_minute():
    fold = Deduplicator()
    written = [fold.takes(LINE, "", 0.0)]
    for minute in range(1, 4):
        written += [fold.takes(LINE, "", minute * WINDOW - 1) for _ in range(5)]
        assert texts(fold.due(minute * WINDOW)) == ["it failed (… and 5 more like it in 60 s)"]
    assert sum(written) == 1


def test_after_a_quiet_minute_it_is_news_again():
    fold = Deduplicator()
    fold.takes(LINE, "", 0.0)
    assert fold.due(WINDOW) == []
    assert fold.takes(LINE, "", WINDOW)


def test_what_was_counted_is_told_when_its_logger_says_that_it_is_over_and_the_next_is_news():
    fold = Deduplicator()
    for _ in range(3):
        fold.takes(LINE, "", 0.0)
    assert fold.over(evolve(LINE, who="c"), 5.0) == fold.over(evolve(LINE, worker=2), 5.0) == []
    end = evolve(LINE, level="info", text="it works again")
    assert texts(fold.over(end, 5.0)) == ["it failed (… and 2 more like it in 5 s)"]
    assert fold.takes(LINE, "", 6.0)
    assert fold.rest(7.0) == []


def test_the_last_of_them_is_told():
    fold = Deduplicator()
    for number in (1000, 1001, 1002):
        fold.takes(evolve(LINE, text=f"port {number} failed"), "", 0.0)
    assert texts(fold.due(WINDOW)) == ["port 1002 failed (… and 2 more like it in 60 s)"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_what_is_no_complaint_is_never_folded(level):
    fold = Deduplicator()
    assert all(fold.takes(evolve(LINE, level=level), "", 0.0) for _ in range(5))


@pytest.mark.parametrize(
    "other",
    [{"level": "warn"}, {"who": "c"}, {"text": "it failed again"}, {"worker": 2}],
)
def test_another_level_logger_text_or_worker_is_another_kind(other):
    fold = Deduplicator()
    assert fold.takes(LINE, "", 0.0)
    assert fold.takes(evolve(LINE, **other), "", 0.0)


def test_another_place_is_another_kind():
    fold = Deduplicator()
    assert fold.takes(LINE, "KeyError at a.py:1", 0.0)
    assert fold.takes(LINE, "KeyError at a.py:2", 0.0)
    assert not fold.takes(LINE, "KeyError at a.py:1", 0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from 192.0.2.7 port 40001", "from 198.51.100.23 port 52222"),
        ("from 2001:db8::17 refused", "from fe80::1 refused"),
        ("user 5b1c9d3e-0f52-4b7e-9a37-6f0d2c8b1a44 left", "user 00000000-1111-2222-3333-444444444444 left"),
        ("queue wsevents.0123456789abcdef", "queue wsevents.fedcba9876543210"),
        ("again in 1.3 s", "again in 31.9 s"),
    ],
)
def test_addresses_identifiers_and_measures_make_no_difference(one, other):
    assert message_kind(one) == message_kind(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("worker 1 ended", "worker 2 ended"), ("listen[0]", "listen[1]"), ("a decade", "a facade")],
)
def test_names_do(one, other):
    assert message_kind(one) != message_kind(other)


def test_there_are_so_many_kinds_and_no_more():
    fold = Deduplicator()
    words = [f"{chr(97 + number // 26)}{chr(97 + number % 26)} failed" for number in range(2 * KINDS)]
    assert sum(fold.takes(evolve(LINE, text=word), "", 0.0) for word in words) == KINDS + 1
    assert fold.takes(evolve(LINE, who="another", text="x"), "", 0.0), "another logger still is heard"
    assert [line.fields["repeated"] for line in fold.rest(1.0)] == [KINDS - 1]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50))))
def test_whatever_comes_when_each_is_written_or_counted(story):
    fold, now, written, counted = Deduplicator(), 0.0, 0, 0
    for text, pause in story:
        now += pause
        counted += sum(line.fields["repeated"] for line in fold.due(now))
        written += fold.takes(evolve(LINE, text=text), "", now)
    counted += sum(line.fields["repeated"] for line in fold.rest(now))
    assert written + counted == len(story)
    assert fold.rest(now) == []
