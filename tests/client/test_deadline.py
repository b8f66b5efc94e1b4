"""One deadline at a time."""

import pytest
from twisted.internet.task import Clock

from wsevents.client.deadline import Deadline


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deadline(clock):
    return Deadline(clock)


def test_it_calls_once_when_it_is_due(clock, deadline):
    said = []
    deadline.set(5.0, lambda: said.append("late"))
    clock.pump([4.9, 0.2, 10.0])
    assert said == ["late"]


def test_a_new_one_takes_the_place_of_the_old(clock, deadline):
    said = []
    deadline.set(5.0, lambda: said.append("old"))
    deadline.set(7.0, lambda: said.append("new"))
    clock.pump([5.0, 2.0])
    assert said == ["new"]


def test_one_that_is_cleared_leaves_no_timer(clock, deadline):
    deadline.set(5.0, lambda: None)
    deadline.clear()
    deadline.clear()
    assert clock.getDelayedCalls() == []


def test_another_can_be_set_when_it_is_due(clock, deadline):
    said = []
    deadline.set(1.0, lambda: deadline.set(1.0, lambda: said.append("second")))
    clock.pump([1.0, 1.0])
    assert said == ["second"]
