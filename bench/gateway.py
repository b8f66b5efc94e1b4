"""The gateway that is measured: `twistd wsevents` on a real RabbitMQ, with tokens of its configuration."""

import json
import os
import signal
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pika

from bench import processes
from bench.events import SIZE, event, now
from bench.load import Peers
from tests.support.certificates import write_pair
from tests.support.gateway_process import GatewayProcess
from tests.support.ports import reserved_port

EXCHANGE = "wazo-headers"
TENANT = "2c34c282-433e-4bb8-8d56-fec14ff7e1e9"
INIT, SUBSCRIBED, STARTED = 1, 2, 3
"""Replies of the gateway by which a peer is let in; has subscribed; gets events."""

PATIENCE = 15
"""Seconds until every worker has said that it has the bus."""


def user(number):
    """Return the uuid of a user; that with the number 0 is the one whom many peers share."""
    return f"b17d9f99-fcc7-4257-8e89-{number:012x}"


def token(number):
    """Return what the configuration has of a user: an ACL of its own, as long as an ordinary one of Wazo."""
    acl = [
        "websocketd",
        "confd.users.me.read",
        f"events.calls.{user(number)}",
        "events.users.me.#",
        "events.switchboards.*.calls.#",
        "events.bench.#",
    ]
    return {"uuid": user(number), "tenant_uuid": TENANT, "acl": acl}


class Gateway:
    """A running gateway with so many users.

    `settings` are further sections of its configuration; those that the gateway does not know stop it.

    Attributes:
        name: in the results.
        port: where peers connect.
        publisher: on its exchange.
    """

    name = "wsevents"

    def __init__(self, load, broker, users=0, settings=None):
        self._load = load
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsevents-bench-")))
            key, crt = write_pair(folder)
            self.port = reserved_port()
            listen = f"ssl:{self.port}:interface=127.0.0.1:backlog=1024:privateKey={key}:certKey={crt}"
            config = {
                "listen": [listen],
                "origin_uuid": None,
                "status": {"endpoint": None},
                "drain": {"seconds": 0},
                "bus": {"endpoint": broker.endpoint},
                "auth": {"type": "static", "tokens": {f"t{each}": token(each) for each in range(users + 1)}},
                **(settings or {}),
            }
            self._process = stack.enter_context(GatewayProcess(folder, json.dumps(config)))
            self._process.ready()
            self.publisher = stack.enter_context(Publisher(broker))
            self._stack = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def pid(self):
        """The process that was started."""
        return self._process.process.pid

    @property
    def pids(self):
        """All of its processes."""
        return processes.family(self.pid)

    @property
    def log(self):
        """What it has said so far."""
        return self._process.log

    def wait_until_up(self, workers):
        """Wait until so many workers have the bus, or said nothing of it for long enough."""
        deadline = time.monotonic() + PATIENCE
        while self.log.count("the bus is up") < workers and time.monotonic() < deadline:
            time.sleep(0.1)

    @contextmanager
    def paused(self):
        """Let it do nothing for a moment."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def join(self, name, count, *, distinct=False, replies=STARTED, buffer=0):
        """Connect peers, of one user or each of its own, that listen to events of a name."""
        commands = [{"op": "subscribe", "data": {"event_name": name}}, {"op": "start"}][: replies - 1]
        path = f"/?token={'t#' if distinct else 't0'}&version=2"
        said = [json.dumps(command) for command in commands]
        return Peers(self._load, self.port, count, path, said, replies, buffer=buffer)

    def publish(self, name, burst=1, size=SIZE):
        """Publish events for the whole tenant."""
        headers = {"user_uuid:*": True, "required_acl": f"events.bench.{name}"}
        self.publisher.publish(name, headers, burst, size)

    def publish_for(self, number, name, burst=1):
        """Publish events that only one user may see."""
        headers = {f"user_uuid:{user(number)}": True, "required_acl": f"events.users.{user(number)}.bench"}
        self.publisher.publish(name, headers, burst, SIZE)


class Publisher:
    """Publishes events as programs of Wazo do."""

    def __init__(self, broker):
        self._connection = pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", broker.port, heartbeat=0)
        )
        self._channel = self._connection.channel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def publish(self, name, headers, burst, size):
        """Publish so many events with these headers besides name and tenant."""
        whole = {"name": name, "tenant_uuid": TENANT, **headers}
        for _ in range(burst):
            self.send(whole, event(name, now(), size))

    def send(self, headers, body, *, exchange=EXCHANGE, key=""):
        """Publish one message."""
        properties = pika.BasicProperties(content_type="application/json", headers=headers)
        self._channel.basic_publish(exchange, key, body, properties)

    def fill(self, queue, headers, body, count):
        """Let a queue hold so many messages and no others."""
        self._channel.queue_declare(queue)
        self._channel.queue_declare(f"{queue}.gaps")  # which our client consumes as well
        self._channel.queue_purge(queue)
        for _ in range(count):
            self.send(headers, body, exchange="", key=queue)
        self.settle()

    def settle(self):
        """Wait until the broker has all that was sent."""
        self._channel.exchange_declare(EXCHANGE, passive=True)
