"""The message rate of a peer."""

from wsevents.core.token_bucket import TokenBucket


def test_a_burst_is_limited_to_ten_seconds_of_the_rate():
    bucket = TokenBucket(rate=10)
    assert [bucket.take(0.0) for _ in range(100)] == [0.0] * 100
    assert bucket.take(0.0) > 0


def test_after_the_returned_wait_the_next_message_is_within_the_rate():
    bucket = TokenBucket(rate=10)
    for _ in range(100):
        bucket.take(0.0)
    wait = bucket.take(0.0)
    assert bucket.take(wait + 0.11) <= 0.1


def test_an_idle_peer_gains_at_most_one_burst():
    bucket = TokenBucket(rate=10)
    bucket.take(0.0)
    assert sum(bucket.take(1000.0) == 0 for _ in range(200)) == 100


def test_rate_zero_allows_any_number():
    bucket = TokenBucket(rate=0)
    assert all(bucket.take(0.0) == 0 for _ in range(10000))
