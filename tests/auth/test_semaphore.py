import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.auth.semaphore import QueueFullError, Semaphore


def test_so_many_pass_and_so_many_wait_and_the_next_is_sent_away():
    turnstile = Semaphore(inside=2, waiting=1)
    first, second, third = (turnstile.enter() for _ in range(3))
    assert [turn.called for turn in (first, second, third)] == [True, True, False]
    with pytest.raises(QueueFullError):
        turnstile.enter()
    turnstile.leave()
    assert third.called


def test_who_gives_up_makes_room_for_another_to_wait():
    turnstile = Semaphore(inside=1, waiting=1)
    turnstile.enter()
    turnstile.enter().addErrback(lambda _: None).cancel()
    last = turnstile.enter()
    turnstile.leave()
    assert last.called


@given(st.integers(1, 3), st.integers(1, 3), st.lists(st.sampled_from(["enter", "leave", "give up"])))
def test_never_do_more_pass_or_wait_than_may_and_each_gets_a_turn_in_order(inside, waiting, steps):
    turnstile = Semaphore(inside, waiting)
    within, queue = 0, []
    for step in steps:
        if step == "enter" and within < inside:
            assert turnstile.enter().called
            within += 1
        elif step == "enter" and len(queue) < waiting:
            queue.append(turnstile.enter())
            assert not queue[-1].called
        elif step == "enter":
            with pytest.raises(QueueFullError):
                turnstile.enter()
        elif step == "leave" and within:
            turnstile.leave()
            if queue:
                assert queue.pop(0).called
            else:
                within -= 1
        elif step == "give up" and queue:
            queue.pop().addErrback(lambda _: None).cancel()
        assert not any(turn.called for turn in queue)
