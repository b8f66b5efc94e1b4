"""Repeated lines are written once and counted, and no count is lost."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsevents.logs.deduplication import MAX_KINDS, WINDOW, Deduplicator, message_kind
from wsevents.logs.record import LogLine

LINE = LogLine(0.0, "error", "a.b", "it failed")


def texts(lines):
    return [line.text for line in lines]


def test_the_first_line_is_written_at_once_and_the_others_are_counted():
    deduplicator = Deduplicator()
    assert [deduplicator.admits(LINE, "", second) for second in (0.0, 1.0, 2.0)] == [True, False, False]
    assert deduplicator.due(WINDOW - 1) == []
    (summary,) = deduplicator.due(WINDOW)
    assert summary == evolve(
        LINE, text="it failed (… and 2 more like it in 60 s)", fields={"repeated": 2}, trace=""
    )


def test_a_persistent_problem_gives_one_line_a_minute():
    deduplicator = Deduplicator()
    written = [deduplicator.admits(LINE, "", 0.0)]
    for minute in range(1, 4):
        written += [deduplicator.admits(LINE, "", minute * WINDOW - 1) for _ in range(5)]
        assert texts(deduplicator.due(minute * WINDOW)) == ["it failed (… and 5 more like it in 60 s)"]
    assert sum(written) == 1


def test_after_a_minute_without_repetition_a_line_is_written_at_once():
    deduplicator = Deduplicator()
    deduplicator.admits(LINE, "", 0.0)
    assert deduplicator.due(WINDOW) == []
    assert deduplicator.admits(LINE, "", WINDOW)


def test_counts_are_written_when_the_problem_is_resolved_and_the_next_line_is_written_at_once():
    deduplicator = Deduplicator()
    for _ in range(3):
        deduplicator.admits(LINE, "", 0.0)
    assert (
        deduplicator.resolved(evolve(LINE, logger="c"), 5.0)
        == deduplicator.resolved(evolve(LINE, worker=2), 5.0)
        == []
    )
    end = evolve(LINE, level="info", text="it works again")
    assert texts(deduplicator.resolved(end, 5.0)) == ["it failed (… and 2 more like it in 5 s)"]
    assert deduplicator.admits(LINE, "", 6.0)
    assert deduplicator.rest(7.0) == []


def test_the_summary_has_the_last_text():
    deduplicator = Deduplicator()
    for number in (1000, 1001, 1002):
        deduplicator.admits(evolve(LINE, text=f"port {number} failed"), "", 0.0)
    assert texts(deduplicator.due(WINDOW)) == ["port 1002 failed (… and 2 more like it in 60 s)"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_debug_and_info_are_never_deduplicated(level):
    deduplicator = Deduplicator()
    assert all(deduplicator.admits(evolve(LINE, level=level), "", 0.0) for _ in range(5))


@pytest.mark.parametrize(
    "other",
    [{"level": "warn"}, {"logger": "c"}, {"text": "it failed again"}, {"worker": 2}],
)
def test_another_level_logger_text_or_worker_is_another_kind(other):
    deduplicator = Deduplicator()
    assert deduplicator.admits(LINE, "", 0.0)
    assert deduplicator.admits(evolve(LINE, **other), "", 0.0)


def test_another_location_is_another_kind():
    deduplicator = Deduplicator()
    assert deduplicator.admits(LINE, "KeyError at a.py:1", 0.0)
    assert deduplicator.admits(LINE, "KeyError at a.py:2", 0.0)
    assert not deduplicator.admits(LINE, "KeyError at a.py:1", 0.0)


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
def test_addresses_identifiers_and_measures_are_ignored(one, other):
    assert message_kind(one) == message_kind(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("worker 1 ended", "worker 2 ended"), ("listen[0]", "listen[1]"), ("a decade", "a facade")],
)
def test_names_are_compared(one, other):
    assert message_kind(one) != message_kind(other)


def test_the_number_of_kinds_is_limited():
    deduplicator = Deduplicator()
    words = [f"{chr(97 + number // 26)}{chr(97 + number % 26)} failed" for number in range(2 * MAX_KINDS)]
    assert sum(deduplicator.admits(evolve(LINE, text=word), "", 0.0) for word in words) == MAX_KINDS + 1
    assert deduplicator.admits(evolve(LINE, logger="another", text="x"), "", 0.0), (
        "another logger is not affected"
    )
    assert [line.fields["repeated"] for line in deduplicator.rest(1.0)] == [MAX_KINDS - 1]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50))))
def test_each_line_is_written_or_counted(events):
    deduplicator, now, written, counted = Deduplicator(), 0.0, 0, 0
    for text, pause in events:
        now += pause
        counted += sum(line.fields["repeated"] for line in deduplicator.due(now))
        written += deduplicator.admits(evolve(LINE, text=text), "", now)
    counted += sum(line.fields["repeated"] for line in deduplicator.rest(now))
    assert written + counted == len(events)
    assert deduplicator.rest(now) == []
