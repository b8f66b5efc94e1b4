import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent

from wsevents.auth.outage_log import OutageLog


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outages(clock):
    return OutageLog("wazo-auth", clock, Logger())


def test_the_first_failure_and_the_first_success_after_it_are_logged(outages, logged):
    for _ in range(100):
        outages.succeeded()
    for _ in range(100):
        outages.failed("refused")
    for _ in range(100):
        outages.succeeded()
    assert [formatEvent(event) for event in logged] == [
        "wazo-auth is unavailable: refused",
        "wazo-auth is available again",
    ]


def test_alternating_failures_are_logged_once_a_minute(outages, clock, logged):
    for _ in range(600):
        outages.failed("slow")
        outages.succeeded()
        clock.advance(0.1)
    assert len(logged) == 2
    outages.failed("slow")
    assert len(logged) == 3
