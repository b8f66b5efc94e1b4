"""The channel between supervisor and worker, on real sockets."""

import socket
from contextlib import ExitStack

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from wsevents.workers.fd_channel import FdChannel, pair

PATIENCE = 60


class ListenEntry:
    """Notes what one end hears, and can be waited for."""

    def __init__(self):
        self.messages, self.carried, self.overs = [], [], 0
        self._waiting = []

    def heard(self, message, carried):
        self.messages.append(message)
        if carried is not None:
            self.carried.append(socket.socket(fileno=carried))
        self._look()

    def over(self):
        self.overs += 1
        self._look()

    def until(self, health):
        waiter = Deferred()
        waiter.addTimeout(PATIENCE, reactor)
        self._waiting.append((health, waiter))
        self._look()
        return waiter

    def _look(self):
        ready = [pair for pair in self._waiting if pair[0]()]
        self._waiting = [pair for pair in self._waiting if pair not in ready]
        for _, waiter in ready:
            waiter.callback(None)


@pytest.fixture
def ends():
    """Two channels that are connected, each with its listener."""
    listeners = ListenEntry(), ListenEntry()
    channels = [
        FdChannel(reactor, end, ear.heard, ear.over) for end, ear in zip(pair(), listeners, strict=True)
    ]
    yield list(zip(channels, listeners, strict=True))
    for channel, ear in zip(channels, listeners, strict=True):
        channel.close()
        for carried in ear.carried:
            carried.close()


@pytest_twisted.ensureDeferred
async def test_messages_stay_whole_and_in_order_also_when_there_are_too_many_at_once(ends):
    (here, _), (_, there) = ends
    said = [b"%d" % number for number in range(5000)]
    assert all(here.say(message) for message in said)
    await there.until(lambda: len(there.messages) == len(said))
    assert there.messages == said


@pytest_twisted.ensureDeferred
async def test_connections_come_along_and_are_kept_by_the_other_end_only(ends):
    (here, _), (_, there) = ends
    with ExitStack() as stack:
        ours = []
        for number in range(400):  # more than a socket takes at once
            mine, given = socket.socketpair()
            ours.append(stack.enter_context(mine))
            assert here.say(b"%d" % number, given)
        await there.until(lambda: len(there.carried) == len(ours))
        for number, (mine, carried) in enumerate(zip(ours, there.carried, strict=True)):
            carried.sendall(b"%d" % number)
            carried.close()
            assert mine.recv(100) == b"%d" % number
            assert mine.recv(100) == b"", "nobody else has it"
        assert there.messages == [b"%d" % number for number in range(len(ours))]


@pytest_twisted.ensureDeferred
async def test_the_end_of_the_other_is_told_once_after_what_it_said(ends):
    (here, ear), (other, _) = ends
    other.say(b"last")
    other.close()
    await ear.until(lambda: ear.overs)
    assert ear.messages == [b"last"]
    mine, given = socket.socketpair()
    with mine:
        assert not here.say(b"", given)
        assert mine.recv(1) == b""
    assert ear.overs == 1


@pytest_twisted.ensureDeferred
async def test_what_waits_for_an_end_that_is_gone_is_closed(ends):
    (here, ear), (other, _) = ends
    reactor.removeReader(other)  # it hears nothing for now
    with ExitStack() as stack:
        ours = []
        for _ in range(400):
            mine, given = socket.socketpair()
            ours.append(stack.enter_context(mine))
            here.say(b"0", given)
        other.close()
        await ear.until(lambda: ear.overs)
        assert all(map(_ended, ours))


def _ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_channel_that_was_closed_says_nothing_more(ends):
    (here, ear), _ = ends
    here.close()
    here.close()
    assert not here.say(b"x")
    assert here.fileno() == -1
    assert ear.overs == 0
