"""A worker is restarted at once, and with growing delays if it keeps exiting."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.workers.restart_delay import LONGEST_SECONDS, STEADY_SECONDS, RestartDelay


def test_the_delay_of_a_worker_that_keeps_exiting_grows_up_to_a_limit():
    delay = RestartDelay()
    assert [delay.after(0.5) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, 32, 32]


def test_a_worker_that_ran_long_is_restarted_at_once():
    delay = RestartDelay()
    for _ in range(5):
        delay.after(0.5)
    assert delay.after(STEADY_SECONDS) == 0
    assert delay.after(0.5) == 1


@given(st.lists(st.floats(0, 2 * STEADY_SECONDS)))
def test_the_delay_is_bounded_never_shrinks_and_is_zero_after_a_long_lifetime(lifetimes):
    delay, before = RestartDelay(), 0
    for lifetime in lifetimes:
        seconds = delay.after(lifetime)
        assert 0 <= seconds <= LONGEST_SECONDS
        assert seconds >= before if lifetime < STEADY_SECONDS else seconds == 0
        before = seconds
