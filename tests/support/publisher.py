"""Publishes events on a real RabbitMQ, from a separate process because tests block."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from wsevents.core.wazo_publication import NewEvent, body, headers

ROOT = Path(__file__).parents[2]
EXCHANGE = "wazo-headers"
TIMEOUT = 60


@pytest.fixture
def publish(rabbitmq):
    """A function that publishes an event of this name for the tenant t1, and returns its body."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, rabbitmq.endpoint],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def publish(name):
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    with process:
        yield publish
        process.stdin.close()


@contextmanager
def publishing(publish):
    """Publish continuously; yield the list of the published bodies."""
    bodies, stop = [], Event()

    def work():
        while not stop.wait(0.02):
            bodies.append(publish("e"))

    thread = Thread(target=work)
    thread.start()
    try:
        yield bodies
    finally:
        stop.set()
        thread.join(TIMEOUT)


def main():
    """Publish an event for each line of standard input; print its body when the broker has confirmed it."""
    from twisted.internet import reactor
    from twisted.internet.threads import blockingCallFromThread

    from tests.support.bus_observer import Ear
    from wsevents.api.events import Exchange
    from wsevents.buses.amqp import AmqpBus

    bus, ear = AmqpBus.create(AmqpBus.settings(endpoint=sys.argv[1]), reactor), Ear()
    bus.attach(ear, [Exchange(EXCHANGE, "headers")], [])
    bus.startService()

    def work():
        blockingCallFromThread(reactor, ear.ups, 1)
        for line in sys.stdin:
            name = line.strip()
            head = headers(NewEvent(name, "t1", {}, f"events.{name}"), None, time.time(), 0)
            sent = body(head, {})
            blockingCallFromThread(reactor, bus.publish, EXCHANGE, "", head, sent)
            sys.stdout.write(f"{sent.decode()}\n")
            sys.stdout.flush()
        blockingCallFromThread(reactor, bus.stopService)
        reactor.callFromThread(reactor.stop)

    reactor.callWhenRunning(reactor.callInThread, work)
    reactor.run()


if __name__ == "__main__":
    main()
