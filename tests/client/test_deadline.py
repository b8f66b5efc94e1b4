"""A deadline is one timeout, which can be replaced and cleared."""

import pytest
from twisted.internet.task import Clock

from wsevents.client.deadline import Deadline


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deadline(clock):
    return Deadline(clock)


def test_it_calls_once_on_timeout(clock, deadline):
    calls = []
    deadline.set(5.0, lambda: calls.append("late"))
    clock.pump([4.9, 0.2, 10.0])
    assert calls == ["late"]


def test_a_new_timeout_replaces_the_previous_one(clock, deadline):
    calls = []
    deadline.set(5.0, lambda: calls.append("old"))
    deadline.set(7.0, lambda: calls.append("new"))
    clock.pump([5.0, 2.0])
    assert calls == ["new"]


def test_a_cleared_timeout_leaves_no_timer(clock, deadline):
    deadline.set(5.0, lambda: None)
    deadline.clear()
    deadline.clear()
    assert clock.getDelayedCalls() == []


def test_another_timeout_can_be_set_on_timeout(clock, deadline):
    calls = []
    deadline.set(1.0, lambda: deadline.set(1.0, lambda: calls.append("second")))
    clock.pump([1.0, 1.0])
    assert calls == ["second"]
