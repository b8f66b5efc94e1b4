"""The measured gateway: `twistd wsevents` with a real RabbitMQ and static tokens."""

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
"""Number of replies after which a peer is connected; has subscribed; gets events."""

TIMEOUT = 15
"""Seconds for every worker to connect to the bus."""


def user(number):
    """Return the UUID of a user; many peers share user 0."""
    return f"b17d9f99-fcc7-4257-8e89-{number:012x}"


def token(number):
    """Return the static token of a user, with its own ACL of the usual length in Wazo."""
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
    """A running gateway.

    Args:
        load: the compiled load generator.
        broker: a running RabbitMQ.
        users: number of users with their own tokens.
        settings: further sections of the configuration.

    Attributes:
        name: in the results.
        port: for the peers.
        publisher: publishes to the gateway's exchange.
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
        """The ID of the main process."""
        return self._process.process.pid

    @property
    def pids(self):
        """The IDs of all its processes."""
        return processes.family(self.pid)

    @property
    def log(self):
        """The log so far."""
        return self._process.log

    def wait_until_up(self, workers):
        """Wait until this number of workers has connected to the bus, or until the timeout."""
        deadline = time.monotonic() + TIMEOUT
        while self.log.count("the bus is up") < workers and time.monotonic() < deadline:
            time.sleep(0.1)

    @contextmanager
    def paused(self):
        """Stop the process inside the block (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def join(self, name, count, *, distinct=False, replies=STARTED, buffer=0):
        """Connect peers that subscribe to events of a name; all of one user, or each of its own user."""
        commands = [{"op": "subscribe", "data": {"event_name": name}}, {"op": "start"}][: replies - 1]
        path = f"/?token={'t#' if distinct else 't0'}&version=2"
        messages = [json.dumps(command) for command in commands]
        return Peers(self._load, self.port, count, path, messages, replies, buffer=buffer)

    def publish(self, name, burst=1, size=SIZE):
        """Publish events that the whole tenant may see."""
        headers = {"user_uuid:*": True, "required_acl": f"events.bench.{name}"}
        self.publisher.publish(name, headers, burst, size)

    def publish_for(self, number, name, burst=1):
        """Publish events that only one user may see."""
        headers = {f"user_uuid:{user(number)}": True, "required_acl": f"events.users.{user(number)}.bench"}
        self.publisher.publish(name, headers, burst, SIZE)


class Publisher:
    """Publishes events as Wazo's programs do."""

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
        """Publish `burst` events with these headers and with name and tenant."""
        whole = {"name": name, "tenant_uuid": TENANT, **headers}
        for _ in range(burst):
            self.send(whole, event(name, now(), size))

    def send(self, headers, body, *, exchange=EXCHANGE, key=""):
        """Publish one message."""
        properties = pika.BasicProperties(content_type="application/json", headers=headers)
        self._channel.basic_publish(exchange, key, body, properties)

    def fill(self, queue, headers, body, count):
        """Purge a queue and publish this number of messages to it."""
        self._channel.queue_declare(queue)
        self._channel.queue_declare(f"{queue}.gaps")  # our client consumes this queue too
        self._channel.queue_purge(queue)
        for _ in range(count):
            self.send(headers, body, exchange="", key=queue)
        self.settle()

    def settle(self):
        """Wait until the broker has received all messages."""
        self._channel.exchange_declare(EXCHANGE, passive=True)
