"""A worker takes connections in, on real sockets."""

import socket
from contextlib import ExitStack

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from wsevents.workers.adopted_port import AdoptedPort
from wsevents.workers.startup_message import ListenerAddress


class Guest(Protocol):
    """What is inside; it may be broken."""

    broken = False

    def connectionMade(self):
        if self.broken:
            raise LookupError("a mistake")
        self.transport.write(b"welcome")
        self.transport.loseConnection()


class Broken(Guest):
    broken = True


class BrokenFactory(Factory):
    def buildProtocol(self, addr):
        raise LookupError("a mistake")


async def visit(factory):
    """Return what somebody hears who comes in, once the worker has told that it is over."""
    over = Deferred()
    over.addTimeout(60, reactor)
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        visitor = stack.enter_context(socket.create_connection(server.getsockname(), 60))
        connection, _ = server.accept()
        AdoptedPort(reactor, ListenerAddress(None, plain=True), factory).take(
            connection.detach(), lambda: over.callback(None)
        )
        await over
        try:
            return visitor.recv(100)
        except ConnectionResetError:
            return b""


@pytest_twisted.ensureDeferred
async def test_a_connection_is_served_and_its_end_is_told():
    assert await visit(Factory.forProtocol(Guest)) == b"welcome"


@pytest.mark.parametrize("factory", [Factory.forProtocol(Broken), BrokenFactory()])
@pytest_twisted.ensureDeferred
async def test_a_mistake_costs_that_connection_only_and_its_end_is_told_once(factory, errors):
    assert await visit(factory) == b""
    assert len(errors.flush(LookupError)) == 1
