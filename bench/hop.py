"""The broker's part of the latency: a bare consumer, which notes when the bytes of an event came.

    python -m bench.hop PORT NAME

takes every event of this name from the broker at PORT and prints for each the microseconds since 1970
when it was sent and when it came here. It reads the socket itself: what an AMQP library does with the
bytes is a cost of the gateway, and not to be taken off.
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
    """A bare consumer in a process of its own.

    Attributes:
        arrivals: when the event came that was sent then, both in microseconds since 1970.
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
            raise RuntimeError("the bare consumer did not start")
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
            sent, came = map(int, line.split())
            self.arrivals[sent] = came


def stamps(data):
    """Return the times of the events in a piece of the stream, and what of the piece is still of use."""
    end, found = 0, []
    for match in STAMP.finditer(data):
        if match.end() < len(data):  # else the number may go on
            found.append(int(match[1]))
            end = match.end()
    return found, data[max(end, len(data) - 64) :]


def declare(port, name):
    """Make the queue; it goes when its consumer does."""
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port)) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "headers", durable=True)
        channel.queue_declare(QUEUE, auto_delete=True)
        channel.queue_purge(QUEUE)
        channel.queue_bind(QUEUE, EXCHANGE, arguments={"x-match": "all", "name": name})


def say(link, channel, *methods):
    """Send methods of AMQP 0-9-1."""
    link.sendall(b"".join(frame.Method(channel, method).marshal() for method in methods))


def wait_for(link, data, kind):
    """Read until a method of this kind has come; return what came after it."""
    while True:
        used, heard = frame.decode_frame(data)
        if not used:
            more = link.recv(65536)
            if not more:
                raise ConnectionError(f"the broker left before {kind.__name__}")
            data += more
            continue
        data = data[used:]
        if isinstance(getattr(heard, "method", None), kind):
            return data


def consume(port):
    """Yield the pieces in which deliveries come, after an empty one when they may."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(frame.ProtocolHeader().marshal())
        data = wait_for(link, b"", spec.Connection.Start)
        say(link, 0, spec.Connection.StartOk({}, "PLAIN", "\0guest\0guest", "en_US"))
        data = wait_for(link, data, spec.Connection.Tune)
        say(link, 0, spec.Connection.TuneOk(10, 131072, 0), spec.Connection.Open("/"))
        data = wait_for(link, data, spec.Connection.OpenOk)
        say(link, 1, spec.Channel.Open())
        data = wait_for(link, data, spec.Channel.OpenOk)
        say(link, 1, spec.Basic.Consume(queue=QUEUE, no_ack=True))
        yield wait_for(link, data, spec.Basic.ConsumeOk)
        while piece := link.recv(65536):
            yield piece


def main(port, name):
    declare(port, name)
    pieces = consume(port)
    rest = next(pieces)
    print(READY, flush=True)
    for piece in pieces:
        came = now()
        found, rest = stamps(rest + piece)
        for sent in found:
            print(sent, came, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
