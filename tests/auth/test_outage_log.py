import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent

from wsevents.auth.outage_log import OutageLog


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return OutageLog("wazo-auth", clock, Logger())


def test_the_first_failure_and_the_first_success_after_it_are_reported(health, logged):
    for _ in range(100):
        health.worked()
    for _ in range(100):
        health.failed("refused")
    for _ in range(100):
        health.worked()
    assert [formatEvent(event) for event in logged] == [
        "wazo-auth cannot be asked about tokens: refused",
        "wazo-auth can be asked about tokens again",
    ]


def test_one_that_fails_now_and_then_is_reported_once_a_minute(health, clock, logged):
    for _ in range(600):
        health.failed("slow")
        health.worked()
        clock.advance(0.1)
    assert len(logged) == 2
    health.failed("slow")
    assert len(logged) == 3
