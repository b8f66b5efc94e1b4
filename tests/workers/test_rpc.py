"""Each request between supervisor and worker gets a result or an error."""

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from wsevents.api.errors import ConfigurationError
from wsevents.workers.rpc import ANSWER_SECONDS, Rpc, RpcError


class Pipe:
    """Passes written data to the other end at once, until it is cut."""

    def __init__(self, other):
        self.other, self.cut = other, False

    def write(self, data):
        if not self.cut:
            for piece in (data[:3], data[3:]):  # pipes do not keep boundaries
                self.other.dataReceived(piece)

    def writeSequence(self, parts):
        self.write(b"".join(parts))


def linked(**answers):
    """Return the clock, the requesting end, and the pipe to the answering end."""
    clock = Clock()
    near, far = Rpc(clock, {}), Rpc(clock, answers)
    pipe = Pipe(far)
    near.makeConnection(pipe)
    far.makeConnection(Pipe(near))
    return clock, near, pipe


def outcome(response):
    results = []
    response.addBoth(results.append)
    return results


@pytest_twisted.ensureDeferred
async def test_a_request_returns_the_result_of_its_handler():
    clock, near, _ = linked(double=lambda value: value * 2)
    assert await near.ask("double", ["x"]) == ["x", "x"]
    assert await near.ask("double", "large" * 100_000) == "large" * 200_000
    assert not clock.getDelayedCalls()


def test_results_match_their_requests_in_any_order():
    waiting = {name: Deferred() for name in ("a", "b")}
    _, near, _ = linked(wait=waiting.get)
    first, second = outcome(near.ask("wait", "a")), outcome(near.ask("wait", "b"))
    waiting["b"].callback(2)
    assert (first, second) == ([], [2])
    waiting["a"].callback(1)
    assert (first, second) == ([1], [2])


@pytest_twisted.ensureDeferred
async def test_an_operators_error_is_returned_with_its_text():
    def fail(_):
        raise ConfigurationError("no such key")

    _, near, _ = linked(fail=fail)
    with pytest.raises(RpcError, match=r"^no such key$"):
        await near.ask("fail")


@pytest_twisted.ensureDeferred
async def test_a_bug_is_logged_where_it_occurs_and_returned_without_its_text(errors):
    _, near, _ = linked(fail=lambda _: 1 / 0)
    with pytest.raises(RpcError, match=r"^internal error$"):
        await near.ask("fail")
    assert len(errors.flush(ZeroDivisionError)) == 1


def test_a_request_times_out():
    clock, near, pipe = linked(double=lambda value: value * 2)
    pipe.cut = True
    response = outcome(near.ask("double", 1))
    clock.advance(ANSWER_SECONDS)
    assert isinstance(response[0].value, RpcError)
    assert str(response[0].value) == "not responding"
    assert not clock.getDelayedCalls()


def test_a_result_after_the_timeout_is_ignored():
    late = Deferred()
    clock, near, _ = linked(wait=lambda _: late)
    response = outcome(near.ask("wait"))
    clock.advance(ANSWER_SECONDS)
    late.callback(1)
    assert [type(one) for one in response] == [Failure]


def test_requests_to_an_exited_process_fail():
    clock, near, pipe = linked(wait=lambda _: Deferred())
    pipe.cut = True
    before = outcome(near.ask("wait"))
    near.connectionLost()
    after = outcome(near.ask("wait"))
    assert [str(one[0].value) for one in (before, after)] == ["process has exited", "process has exited"]
    assert not clock.getDelayedCalls()
