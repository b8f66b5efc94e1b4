"""The fair queue: order, bounds and turns of the lines."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.fair_queue import FairQueue


def drained(lines):
    found = []
    while (one := lines.next()) is not None:
        found.append(one)
    return found


def test_lines_take_turns_and_each_is_in_order():
    lines = FairQueue(9, 99)
    for name in ("a", "a", "a", "b", "c", "b"):
        lines.join(name, f"{name}{len(lines)}")
    assert drained(lines) == ["a0", "b3", "c4", "a1", "b5", "a2"]
    assert not len(lines)


def test_a_full_line_rejects_a_new_item():
    lines = FairQueue(2, 99)
    assert [lines.join("a", number) for number in range(3)] == [None, None, 2]
    assert lines.join("b", 9) is None


def test_if_all_lines_are_full_the_longest_loses_an_item_to_a_shorter_one():
    lines = FairQueue(3, 4)
    assert [lines.join("a", number) for number in range(3)] == [None] * 3
    assert lines.join("b", 10) is None
    assert lines.join("c", 20) == 2
    assert lines.join("d", 30) == 1
    assert lines.join("e", 40) == 40
    assert drained(lines) == [0, 10, 20, 30]


def test_an_item_leaves_its_line_at_once_and_once():
    lines = FairQueue(3, 9)
    lines.join("a", 1)
    lines.join("a", 2)
    for _ in range(2):
        lines.leave("a", 1)
        lines.leave("b", 1)
    assert len(lines) == 1
    assert drained(lines) == [2]


@given(st.lists(st.tuples(st.sampled_from("jnl"), st.sampled_from("abc"), st.integers(0, 5)), max_size=60))
def test_no_item_is_lost_or_duplicated(steps):
    lines, inside, serial = FairQueue(3, 5), {}, 0
    for step, line, pick in steps:
        if step == "j":
            serial += 1
            gone = lines.join(line, serial)
            inside[serial] = line
            if gone is not None:
                del inside[gone]
        elif step == "n":
            one = lines.next()
            assert (one is None) == (not inside)
            inside.pop(one, None)
        elif pick < len(inside):
            one = list(inside)[pick]
            lines.leave(inside.pop(one), one)
        assert len(lines) == len(inside) <= 5
    assert sorted(drained(lines)) == sorted(inside)
