"""Fixtures of the authenticators' tests."""

import pytest
from twisted.logger import globalLogPublisher

pytest.register_assert_rewrite("tests.support.authenticator_contract")


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.fixture
def expected(errors):
    """Return a function: logged errors that hold this text are no longer held against the test."""

    def expect(text):
        errors.failures = [one for one in errors.failures if not (isinstance(one, str) and text in one)]

    return expect
