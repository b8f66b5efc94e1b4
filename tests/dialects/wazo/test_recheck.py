"""When a token is looked at again: the table of the protocol."""

import pytest

from wsevents.api.settings import Auth
from wsevents.dialects.wazo.recheck import RETRY, next_check, next_try

DYNAMIC = Auth(check_strategy="dynamic")
STATIC = Auth(check_strategy="static", check_static_interval=60.0)


@pytest.mark.parametrize(
    ("left", "wait"),
    [
        (-100, 15),
        (0, 15),
        (3, 3.1),
        (14.5, 14.6),
        (59, 59.1),
        (60, 60.1),
        (61, 60),
        (80, 60),
        (81, 60),
        (100, 75),
        (101, 75),
        (57600, 43200),
        (57601, 43200),
        (10**9, 43200),
        (None, 43200),
    ],
)
def test_the_dynamic_wait_follows_what_is_left(left, wait):
    now = 1000.0
    assert next_check(DYNAMIC, now, None if left is None else now + left) - now == pytest.approx(wait)


@pytest.mark.parametrize(("left", "wait"), [(None, 60), (1000, 60), (30, 30.1), (0, 60), (-5, 60)])
def test_the_static_wait_is_the_interval_but_never_runs_past_the_end(left, wait):
    now = 1000.0
    assert next_check(STATIC, now, None if left is None else now + left) - now == pytest.approx(wait)


def test_an_authority_that_cannot_be_asked_is_asked_again_until_the_token_has_ended():
    assert next_try(Auth(), 0.0, None) == RETRY
    assert next_try(Auth(), 0.0, 100.0) == RETRY
    assert next_try(Auth(), 90.0, 100.0) == pytest.approx(100.1)
    assert next_try(Auth(), 100.1, 100.0) is None


def test_with_the_static_strategy_an_authority_that_failed_is_asked_again_after_the_interval():
    assert next_try(Auth(check_strategy="static", check_static_interval=2.0), 0.0, None) == 2.0
    assert next_try(Auth(check_strategy="static", check_static_interval=60.0), 0.0, None) == RETRY
