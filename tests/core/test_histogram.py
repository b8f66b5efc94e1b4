"""Histograms of durations: no observation is lost, and two histograms add up."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.histogram import SECONDS, Histogram

TIMES = st.lists(st.tuples(st.floats(0, 100), st.integers(1, 1000)))


def filled(observations):
    histogram = Histogram()
    for seconds, times in observations:
        histogram.observe(seconds, times)
    return histogram


@given(TIMES)
def test_each_observation_is_in_the_first_bucket_that_it_fits_into(observations):
    histogram = filled(observations)
    for number, bound in enumerate(SECONDS):
        within = sum(times for seconds, times in observations if seconds <= bound)
        assert sum(histogram.counts[: number + 1]) == within
    assert sum(histogram.counts) == sum(times for _, times in observations)


@given(TIMES, TIMES)
def test_the_sum_of_two_histograms_has_the_observations_of_both(some, others):
    whole = filled(some) + filled(others)
    assert whole.counts == filled(some + others).counts


def test_a_negative_duration_counts_as_zero():
    histogram = filled([(-5.0, 2)])
    assert (histogram.counts[0], histogram.sum) == (2, 0.0)
