"""The delays between attempts."""

from random import Random

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from wsevents.client import Backoff


@frozen
class Always:
    """A source of random numbers that returns a fixed value."""

    value: float

    def random(self):
        return self.value


def test_the_delay_doubles_up_to_a_bound_and_starts_again_after_a_success():
    backoff = Backoff(Always(1.0))
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 32, 32]
    backoff.reset()
    assert backoff.next() == 1


def test_a_delay_is_at_least_half_of_its_bound():
    backoff = Backoff(Always(0.0), first=3, longest=5)
    assert [backoff.next() for _ in range(3)] == [1.5, 2.5, 2.5]


@given(st.integers(), st.floats(0.001, 100), st.floats(0.001, 100), st.integers(0, 200))
def test_every_delay_is_within_its_bounds(seed, first, longest, tries):
    backoff = Backoff(Random(seed), first=first, longest=longest)
    pauses = [backoff.next() for _ in range(tries)]
    assert all(min(first, longest) / 2 <= pause <= longest for pause in pauses)


def test_clients_do_not_all_reconnect_at_once():
    assert len({Backoff(Random(seed)).next() for seed in range(100)}) == 100


@pytest.mark.parametrize("wrong", [{"first": 0}, {"longest": -1}])
def test_a_bound_that_is_not_positive_raises(wrong):
    with pytest.raises(ValueError):
        Backoff(Random(1), **wrong)
