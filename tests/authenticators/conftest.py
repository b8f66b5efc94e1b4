"""Fixtures of the authenticators' tests."""

import pytest
from twisted.logger import globalLogPublisher

pytest.register_assert_rewrite("tests.authenticators.contract")


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
