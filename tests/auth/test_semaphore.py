import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.auth.semaphore import QueueFullError, Semaphore


def test_the_limits_of_holders_and_of_the_queue():
    semaphore = Semaphore(limit=2, queue_limit=1)
    first, second, third = (semaphore.acquire() for _ in range(3))
    assert [waiter.called for waiter in (first, second, third)] == [True, True, False]
    with pytest.raises(QueueFullError):
        semaphore.acquire()
    semaphore.release()
    assert third.called


def test_a_cancelled_wait_frees_its_place_in_the_queue():
    semaphore = Semaphore(limit=1, queue_limit=1)
    semaphore.acquire()
    semaphore.acquire().addErrback(lambda _: None).cancel()
    last = semaphore.acquire()
    semaphore.release()
    assert last.called


@given(st.integers(1, 3), st.integers(1, 3), st.lists(st.sampled_from(["acquire", "release", "cancel"])))
def test_the_limits_hold_and_the_queue_is_first_in_first_out(limit, queue_limit, steps):
    semaphore = Semaphore(limit, queue_limit)
    holders, queue = 0, []
    for step in steps:
        if step == "acquire" and holders < limit:
            assert semaphore.acquire().called
            holders += 1
        elif step == "acquire" and len(queue) < queue_limit:
            queue.append(semaphore.acquire())
            assert not queue[-1].called
        elif step == "acquire":
            with pytest.raises(QueueFullError):
                semaphore.acquire()
        elif step == "release" and holders:
            semaphore.release()
            if queue:
                assert queue.pop(0).called
            else:
                holders -= 1
        elif step == "cancel" and queue:
            queue.pop().addErrback(lambda _: None).cancel()
        assert not any(waiter.called for waiter in queue)
