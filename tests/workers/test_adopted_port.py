"""A worker serves connections that another process accepted; on real sockets."""

import socket
from contextlib import ExitStack

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from wsevents.workers.adopted_port import AdoptedPort
from wsevents.workers.startup_message import ListenerAddress


class Greeter(Protocol):
    """Greets and disconnects, or raises an exception."""

    broken = False

    def connectionMade(self):
        if self.broken:
            raise LookupError("a bug")
        self.transport.write(b"hello")
        self.transport.loseConnection()


class BrokenGreeter(Greeter):
    broken = True


class BrokenFactory(Factory):
    def buildProtocol(self, addr):
        raise LookupError("a bug")


async def received(factory):
    """Return the bytes that a client receives, after `on_close` was called."""
    closed = Deferred()
    closed.addTimeout(60, reactor)
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(server.getsockname(), 60))
        connection, _ = server.accept()
        AdoptedPort(reactor, ListenerAddress(None, plain=True), factory).adopt(
            connection.detach(), lambda: closed.callback(None)
        )
        await closed
        try:
            return client.recv(100)
        except ConnectionResetError:
            return b""


@pytest_twisted.ensureDeferred
async def test_a_connection_is_served_and_its_close_is_reported():
    assert await received(Factory.forProtocol(Greeter)) == b"hello"


@pytest.mark.parametrize("factory", [Factory.forProtocol(BrokenGreeter), BrokenFactory()])
@pytest_twisted.ensureDeferred
async def test_an_exception_closes_that_connection_and_the_close_is_reported_once(factory, errors):
    assert await received(factory) == b""
    assert len(errors.flush(LookupError)) == 1
