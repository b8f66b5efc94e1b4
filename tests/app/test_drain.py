from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wsevents.app.drain import close_times


@given(st.integers(0, 300), st.floats(0, 1000), st.integers())
def test_each_peer_has_one_close_time_spread_evenly_from_0(count, seconds, seed):
    turns = close_times(range(count), seconds, Random(seed))
    assert sorted(peer for _, peer in turns) == list(range(count))
    for number, (due, _) in enumerate(turns):
        assert abs(due - seconds * number / count) < 1e-6
        assert due <= seconds
    assert not turns or turns[0][0] == 0


def test_the_order_is_random():
    orders = {tuple(peer for _, peer in close_times(range(5), 1.0, Random(seed))) for seed in range(20)}
    assert len(orders) > 10
