"""A minimal broker in memory, for tests of the AMQP client."""

from twisted.internet.testing import StringTransport

from tests.buses.amqp.test_frames import frames_of, method
from wsevents.buses.amqp.client import AmqpClient, AmqpLogin
from wsevents.buses.amqp.frames import decode_method, encode_content, encode_method
from wsevents.buses.amqp.spec import METHOD, load


class Transport(StringTransport):
    """A transport that reports its close to the protocol at once."""

    aborted = False

    def loseConnection(self):
        super().loseConnection()
        self.gone()

    def abortConnection(self):
        super().abortConnection()
        self.aborted = True
        self.gone()

    def gone(self):
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(ConnectionDone()))


def connected(clock, heartbeat=10):
    """Return a client that is connected but has received nothing."""
    client = AmqpClient(AmqpLogin("/", "guest", "secret", heartbeat), clock, lambda: 99.0)
    transport = Transport()
    transport.protocol = client
    client.makeConnection(transport)
    assert transport.value() == b"AMQP\1\1\0\x09"
    transport.clear()
    return client


def say(client, klass, name, *args, channel=0):
    """Send a method from the broker to the client."""
    client.dataReceived(encode_method(channel, method(klass, name), args))


def said(client):
    """Return the methods that the client has sent since the last call, as names with arguments."""
    data = client.transport.value()
    client.transport.clear()
    calls = []
    for kind, _, payload in frames_of(data):
        if kind == METHOD:
            call = decode_method(load(), payload)
            calls.append((f"{call.method.klass.name}.{call.method.name}", call.args))
        else:
            calls.append((f"frame {kind}", payload))
    return calls


def start(client):
    """Send connection.start; return the methods of the answer."""
    say(client, "connection", "start", 0, 9, {}, "PLAIN", "en_US")
    return said(client)


def let_in(client, frame_max=131072):
    """Complete the handshake of a client; return the Deferred of its `open`."""
    from twisted.internet.defer import Deferred

    opening = Deferred.fromCoroutine(client.open())
    start(client)
    say(client, "connection", "tune", 2047, frame_max, 60)
    say(client, "connection", "open-ok", "")
    said(client)
    return opening


def delivery(tag, content, key="", redelivered=False, frame_max=131072, consumer="c"):
    """Return the frames of a delivery to the consumer with this tag."""
    head = encode_method(1, method("basic", "deliver"), (consumer, tag, redelivered, "x", key))
    return head + b"".join(encode_content(1, content, frame_max))
