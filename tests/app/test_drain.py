from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wsevents.app.drain import close_times


@given(st.integers(0, 300), st.floats(0, 1000), st.integers())
def test_each_goes_once_within_the_time_evenly_and_the_first_at_once(count, seconds, seed):
    turns = close_times(range(count), seconds, Random(seed))
    assert sorted(peer for _, peer in turns) == list(range(count))
    for number, (due, _) in enumerate(turns):
        assert abs(due - seconds * number / count) < 1e-6
        assert due <= seconds
    assert not turns or turns[0][0] == 0


def test_the_order_is_one_of_chance():
    orders = {tuple(peer for _, peer in close_times(range(5), 1.0, Random(seed))) for seed in range(20)}
    assert len(orders) > 10
