"""A worker that ends is started again: at once, and ever later if it ends again and again."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.workers.restart_delay import LONGEST_SECONDS, STEADY_SECONDS, Restart


def test_one_that_keeps_ending_waits_longer_each_time_up_to_a_bound():
    restart = Restart()
    assert [restart.ended(0.5) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, 32, 32]


def test_one_that_has_lived_for_long_starts_at_once():
    restart = Restart()
    for _ in range(5):
        restart.ended(0.5)
    assert restart.ended(STEADY_SECONDS) == 0
    assert restart.ended(0.5) == 1


@given(st.lists(st.floats(0, 2 * STEADY_SECONDS)))
def test_the_wait_is_bounded_grows_only_and_is_none_after_a_long_life(lives):
    restart, before = Restart(), 0
    for lived in lives:
        wait = restart.ended(lived)
        assert 0 <= wait <= LONGEST_SECONDS
        assert wait >= before if lived < STEADY_SECONDS else wait == 0
        before = wait
