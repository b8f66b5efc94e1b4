"""Measure the broker's part of the latency with a minimal consumer, which records when each event arrives.

    python -m bench.hop PORT NAME

consumes every event of this name from the broker at PORT. For each event it prints when the event was sent
and when it arrived, in microseconds since 1970. It reads the socket without an AMQP library: the time in the
library is a cost of the gateway and must not be subtracted.
"""

import re
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pika
from pika import frame, spec

from bench.events import now
from bench.gateway import EXCHANGE

QUEUE = "bench.hop"
READY = "ready"
STAMP = re.compile(rb'"sent": (\d+)')


class Hop:
    """The consumer, in its own process.

    Attributes:
        arrivals: the time of arrival by the time of sending, both in microseconds since 1970.
    """

    def __init__(self, broker, name):
        self.arrivals = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.hop", str(broker.port), name],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        if self._process.stdout.readline().strip() != READY:
            raise RuntimeError("the consumer did not start")
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._reader.join(10)
        self._process.stdout.close()
        self._process.wait(10)

    def _read(self):
        for line in self._process.stdout:
            sent, arrived = map(int, line.split())
            self.arrivals[sent] = arrived


def stamps(data):
    """Return the times in a piece of the stream, and the end of the piece to prepend to the next one."""
    end, found = 0, []
    for match in STAMP.finditer(data):
        if match.end() < len(data):  # otherwise the next piece may continue the number
            found.append(int(match[1]))
            end = match.end()
    return found, data[max(end, len(data) - 64) :]


def declare(port, name):
    """Declare and bind the queue; the broker deletes it after its consumer."""
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port)) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "headers", durable=True)
        channel.queue_declare(QUEUE, auto_delete=True)
        channel.queue_purge(QUEUE)
        channel.queue_bind(QUEUE, EXCHANGE, arguments={"x-match": "all", "name": name})


def send(stream, channel, *methods):
    """Send methods of AMQP 0-9-1."""
    stream.sendall(b"".join(frame.Method(channel, method).marshal() for method in methods))


def wait_for(stream, data, kind):
    """Read until a method of this kind arrives; return the data after it."""
    while True:
        used, decoded = frame.decode_frame(data)
        if not used:
            more = stream.recv(65536)
            if not more:
                raise ConnectionError(f"the broker disconnected before {kind.__name__}")
            data += more
            continue
        data = data[used:]
        if isinstance(getattr(decoded, "method", None), kind):
            return data


def consume(port):
    """Consume the queue; yield the data after the setup, and then each piece of the stream."""
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(frame.ProtocolHeader().marshal())
        data = wait_for(stream, b"", spec.Connection.Start)
        send(stream, 0, spec.Connection.StartOk({}, "PLAIN", "\0guest\0guest", "en_US"))
        data = wait_for(stream, data, spec.Connection.Tune)
        send(stream, 0, spec.Connection.TuneOk(10, 131072, 0), spec.Connection.Open("/"))
        data = wait_for(stream, data, spec.Connection.OpenOk)
        send(stream, 1, spec.Channel.Open())
        data = wait_for(stream, data, spec.Channel.OpenOk)
        send(stream, 1, spec.Basic.Consume(queue=QUEUE, no_ack=True))
        yield wait_for(stream, data, spec.Basic.ConsumeOk)
        while piece := stream.recv(65536):
            yield piece


def main(port, name):
    declare(port, name)
    pieces = consume(port)
    rest = next(pieces)
    print(READY, flush=True)
    for piece in pieces:
        arrived = now()
        found, rest = stamps(rest + piece)
        for sent in found:
            print(sent, arrived, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
