"""How fast a peer may speak."""

from wsevents.core.token_bucket import TokenBucket


def test_ten_seconds_worth_may_come_at_once_and_no_more():
    bucket = TokenBucket(rate=10)
    assert [bucket.take(0.0) for _ in range(100)] == [0.0] * 100
    assert bucket.take(0.0) > 0


def test_after_the_wait_that_it_asked_for_the_next_message_is_in_time():
    bucket = TokenBucket(rate=10)
    for _ in range(100):
        bucket.take(0.0)
    wait = bucket.take(0.0)
    assert bucket.take(wait + 0.11) <= 0.1


def test_silence_earns_no_more_than_the_burst():
    bucket = TokenBucket(rate=10)
    bucket.take(0.0)
    assert sum(bucket.take(1000.0) == 0 for _ in range(200)) == 100


def test_rate_zero_allows_any_number():
    bucket = TokenBucket(rate=0)
    assert all(bucket.take(0.0) == 0 for _ in range(10000))
