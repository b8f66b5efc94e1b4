"""The link between supervisor and worker: what is asked is answered, or an error says why not."""

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from wsevents.api.errors import ConfigurationError
from wsevents.workers.rpc import ANSWER_SECONDS, Rpc, RpcError


class ConnectionPolicy:
    """One direction: what is written arrives at the other end at once, unless it is cut."""

    def __init__(self, other):
        self.other, self.cut = other, False

    def write(self, data):
        if not self.cut:
            for byte in (data[:3], data[3:]):  # in pieces, as pipes have it
                self.other.dataReceived(byte)

    def writeSequence(self, parts):
        self.write(b"".join(parts))


def linked(**answers):
    """Return the clock, the asking end and the way to the answering one."""
    clock = Clock()
    here, there = Rpc(clock, {}), Rpc(clock, answers)
    way = ConnectionPolicy(there)
    here.makeConnection(way)
    there.makeConnection(ConnectionPolicy(here))
    return clock, here, way


def outcome(asked):
    results = []
    asked.addBoth(results.append)
    return results


@pytest_twisted.ensureDeferred
async def test_a_question_is_answered_with_what_was_said_to_it():
    clock, here, _ = linked(double=lambda value: value * 2)
    assert await here.ask("double", ["x"]) == ["x", "x"]
    assert await here.ask("double", "large" * 100_000) == "large" * 200_000
    assert not clock.getDelayedCalls()


def test_answers_find_their_questions_in_whatever_order_they_come():
    waiting = {name: Deferred() for name in ("a", "b")}
    _, here, _ = linked(wait=waiting.get)
    first, second = outcome(here.ask("wait", "a")), outcome(here.ask("wait", "b"))
    waiting["b"].callback(2)
    assert (first, second) == ([], [2])
    waiting["a"].callback(1)
    assert (first, second) == ([1], [2])


@pytest_twisted.ensureDeferred
async def test_a_mistake_of_the_operator_comes_back_as_it_is():
    def fail(_):
        raise ConfigurationError("no such key")

    _, here, _ = linked(fail=fail)
    with pytest.raises(RpcError, match=r"^no such key$"):
        await here.ask("fail")


@pytest_twisted.ensureDeferred
async def test_a_mistake_of_ours_is_blamed_where_it_is_and_says_nothing_of_what_it_held(errors):
    _, here, _ = linked(fail=lambda _: 1 / 0)
    with pytest.raises(RpcError, match=r"^it failed$"):
        await here.ask("fail")
    assert len(errors.flush(ZeroDivisionError)) == 1


def test_who_hangs_is_given_up():
    clock, here, way = linked(double=lambda value: value * 2)
    way.cut = True
    asked = outcome(here.ask("double", 1))
    clock.advance(ANSWER_SECONDS)
    assert isinstance(asked[0].value, RpcError)
    assert str(asked[0].value) == "it does not answer"
    assert not clock.getDelayedCalls()


def test_an_answer_that_comes_too_late_is_nobodys():
    late = Deferred()
    clock, here, _ = linked(wait=lambda _: late)
    asked = outcome(here.ask("wait"))
    clock.advance(ANSWER_SECONDS)
    late.callback(1)
    assert [type(one) for one in asked] == [Failure]


def test_who_is_gone_answers_nobody():
    clock, here, way = linked(wait=lambda _: Deferred())
    way.cut = True
    before = outcome(here.ask("wait"))
    here.connectionLost()
    after = outcome(here.ask("wait"))
    assert [str(one[0].value) for one in (before, after)] == ["it is gone", "it is gone"]
    assert not clock.getDelayedCalls()
