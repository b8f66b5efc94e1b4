"""The heap of deadlines, compared with a search in a dictionary."""

from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.deadlines import Deadlines


def test_the_earliest_deadline_comes_first_and_equal_ones_in_order():
    deadlines = Deadlines()
    for key, at in [("c", 3.0), ("a", 1.0), ("b", 1.0)]:
        deadlines.set(key, at)
    assert deadlines.next() == 1.0
    assert [
        deadlines.due(2.0, deadlines.settings),
        deadlines.due(2.0, deadlines.settings),
        deadlines.due(2.0, deadlines.settings),
    ] == ["a", "b", None]
    assert len(deadlines) == 1


def test_a_new_deadline_replaces_the_old_one():
    deadlines = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.set("a", 5.0)
    assert deadlines.due(4.0, deadlines.settings) is None
    assert deadlines.next() == 5.0


def test_a_cleared_deadline_is_never_due():
    deadlines = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.clear("a")
    deadlines.clear("never set")
    assert deadlines.due(9.0, deadlines.settings) is None
    assert deadlines.next() is None
    assert "a" not in deadlines


def test_setting_one_key_again_and_again_does_not_grow_the_heap():
    deadlines = Deadlines()
    for at in range(10000):
        deadlines.set("a", float(at))
    assert len(deadlines._heap) < 200


steps = st.lists(
    st.tuples(st.sampled_from(["set", "clear", "due"]), st.integers(0, 5), st.integers(0, 20)), max_size=60
)


@given(steps)
def test_it_agrees_with_a_dictionary(steps):
    deadlines, model = Deadlines(), {}
    for what, key, at in steps:
        if what == "set":
            deadlines.set(key, at)
            model[key] = at
        elif what == "clear":
            deadlines.clear(key)
            model.pop(key, None)
        else:
            due = deadlines.due(at, deadlines.settings)
            if due is None:
                assert all(when > at for when in model.values())
            else:
                when = model.pop(due)
                assert when <= at
                assert all(when <= other for other in model.values())
        assert len(deadlines) == len(model)
        assert deadlines.next() == min(model.values(), default=None)


class Thing:
    pass


def test_cleared_and_replaced_deadlines_keep_no_key_alive():
    deadlines = Deadlines()
    others = [Thing() for _ in range(100)]
    for other in others:
        deadlines.set(other, 5.0)
    gone, moved = Thing(), Thing()
    deadlines.set(gone, 1.0)
    deadlines.set(moved, 2.0)
    deadlines.set(moved, 9.0)
    watched = [ref(gone), ref(moved)]
    deadlines.clear(gone)
    deadlines.clear(moved)
    del gone, moved
    assert [one() for one in watched] == [None, None]


def test_clearing_shrinks_the_heap():
    deadlines = Deadlines()
    for key in range(10000):
        deadlines.set(key, 1.0)
    for key in range(10000):
        deadlines.clear(key)
    assert len(deadlines._heap) < 200


def test_a_deadline_that_is_set_during_a_round_waits_for_the_next_round():
    deadlines = Deadlines()
    deadlines.set("a", 1.0)
    settings = deadlines.settings
    assert deadlines.due(2.0, settings) == "a"
    deadlines.set("a", 1.0)
    assert deadlines.due(2.0, settings) is None
    assert deadlines.due(2.0, deadlines.settings) == "a"
