"""The channel between supervisor and worker, on real sockets."""

import socket
from contextlib import ExitStack

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from wsevents.workers.fd_channel import FdChannel, pair

TIMEOUT = 60


class Receiver:
    """Records what one end receives; `until` waits for a condition."""

    def __init__(self):
        self.messages, self.connections, self.closes = [], [], 0
        self._waiting = []

    def on_message(self, message, descriptor):
        self.messages.append(message)
        if descriptor is not None:
            self.connections.append(socket.socket(fileno=descriptor))
        self._check()

    def on_close(self):
        self.closes += 1
        self._check()

    def until(self, condition):
        waiter = Deferred()
        waiter.addTimeout(TIMEOUT, reactor)
        self._waiting.append((condition, waiter))
        self._check()
        return waiter

    def _check(self):
        ready = [pair for pair in self._waiting if pair[0]()]
        self._waiting = [pair for pair in self._waiting if pair not in ready]
        for _, waiter in ready:
            waiter.callback(None)


@pytest.fixture
def ends():
    """Two channels that are connected, each with its receiver."""
    receivers = Receiver(), Receiver()
    channels = [
        FdChannel(reactor, end, receiver.on_message, receiver.on_close)
        for end, receiver in zip(pair(), receivers, strict=True)
    ]
    yield list(zip(channels, receivers, strict=True))
    for channel, receiver in zip(channels, receivers, strict=True):
        channel.close()
        for connection in receiver.connections:
            connection.close()


@pytest_twisted.ensureDeferred
async def test_messages_keep_boundaries_and_order_when_the_socket_buffer_is_full(ends):
    (near, _), (_, far) = ends
    sent = [b"%d" % number for number in range(5000)]
    assert all(near.send(message) for message in sent)
    await far.until(lambda: len(far.messages) == len(sent))
    assert far.messages == sent


@pytest_twisted.ensureDeferred
async def test_a_sent_connection_is_open_at_the_other_end_only(ends):
    (near, _), (_, far) = ends
    with ExitStack() as stack:
        ours = []
        for number in range(400):  # more than a socket takes at once
            mine, given = socket.socketpair()
            ours.append(stack.enter_context(mine))
            assert near.send(b"%d" % number, given)
        await far.until(lambda: len(far.connections) == len(ours))
        for number, (mine, connection) in enumerate(zip(ours, far.connections, strict=True)):
            connection.sendall(b"%d" % number)
            connection.close()
            assert mine.recv(100) == b"%d" % number
            assert mine.recv(100) == b"", "no other process has the connection open"
        assert far.messages == [b"%d" % number for number in range(len(ours))]


@pytest_twisted.ensureDeferred
async def test_the_close_of_the_other_end_is_reported_once_after_its_messages(ends):
    (near, receiver), (other, _) = ends
    other.send(b"last")
    other.close()
    await receiver.until(lambda: receiver.closes)
    assert receiver.messages == [b"last"]
    mine, given = socket.socketpair()
    with mine:
        assert not near.send(b"", given)
        assert mine.recv(1) == b""
    assert receiver.closes == 1


@pytest_twisted.ensureDeferred
async def test_queued_connections_are_closed_when_the_other_end_closes(ends):
    (near, receiver), (other, _) = ends
    reactor.removeReader(other)  # it reads nothing
    with ExitStack() as stack:
        ours = []
        for _ in range(400):
            mine, given = socket.socketpair()
            ours.append(stack.enter_context(mine))
            near.send(b"0", given)
        other.close()
        await receiver.until(lambda: receiver.closes)
        assert all(map(_ended, ours))


def _ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_closed_channel_sends_nothing(ends):
    (near, receiver), _ = ends
    near.close()
    near.close()
    assert not near.send(b"x")
    assert near.fileno() == -1
    assert receiver.closes == 0
