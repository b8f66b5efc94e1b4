"""Fixtures for tests of VoIPBIN's protocol: customers, agents, tokens, a gateway, and events on the bus."""

import json
import logging
import time
from datetime import UTC, datetime

import jwt
import pika
import pytest
from pika.exceptions import UnroutableError

from tests.support.gateway_process import DEADLINE, GatewayProcess, shared, standalone
from tests.support.websocket_client import Client, trusting

CUSTOMER = "11111111-1111-4111-8111-111111111111"
STRANGER = "99999999-9999-4999-8999-999999999999"
COLD = "88888888-8888-4888-8888-888888888888"
AGENT = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
CALL = "44444444-4444-4444-8444-444444444444"
QUEUE = "55555555-5555-4555-8555-555555555555"
NIL = "00000000-0000-0000-0000-000000000000"
logging.getLogger("pika").setLevel(logging.ERROR)  # it warns of each message that no queue takes
KEY = "the key that voipbin signs its tokens with"
EXCHANGE = "bin-manager.webhook-manager.event.topic"
SUPER_ADMIN, PLAIN, ADMIN, MANAGER = 0x1, 0x10, 0x20, 0x40


def utc(when):
    """Return a time in the format of `expire`."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def claims(permission=ADMIN, ends=4e9, **more):
    """Return the claims of an agent's token; `more` replaces some, None removes."""
    agent = {"id": AGENT, "customer_id": CUSTOMER, "permission": permission}
    whole = {"type": "agent", "agent": agent, "expire": utc(ends)} | more
    return {name: value for name, value in whole.items() if value is not None}


def direct(*allowed, **more):
    """Return the claims of a direct token."""
    access = {"customer_id": CUSTOMER, "resource_type": "ai", "resource_id": CALL}
    access["allowed_resource_types"] = list(allowed)
    return {"type": "direct", "direct": access, "expire": utc(4e9)} | more


def delegate(**more):
    """Return the claims of a delegate's token."""
    whole = {"type": "delegate", "aud": "voipbin-api", "customer_id": CUSTOMER, "sub": "s", "jti": "j"}
    whole = whole | {"expire": utc(4e9)} | more
    return {name: value for name, value in whole.items() if value is not None}


def signed(content, key=KEY, algorithm="HS256"):
    """Return a JWT."""
    return jwt.encode(content, key, algorithm)


def call(**more):
    """Return a call as a resource."""
    return {
        "id": CALL,
        "customer_id": CUSTOMER,
        "type": "flow",
        "status": "progressing",
        "direction": "incoming",
        "tm_create": "2026-01-20T10:30:00.000000Z",
    } | more


def topic(*parts, customer=CUSTOMER):
    return ":".join(("customer_id", customer, *parts))


def of_agent(*parts, agent=AGENT):
    return ":".join(("agent_id", agent, *parts))


def command(*topics, kind="subscribe"):
    return json.dumps({"type": kind, "topics": list(topics)})


SECTION = """
dialects:
  wazo: {{}}
  voipbin:
    jwt_key: {key}
    access_keys:
      s3cret-access: {{customer_id: {customer}}}
      s3cret-cold: {{customer_id: {cold}}}
    frozen_accounts:
      {cold}: {{deletion_scheduled_at: "2026-01-01T00:00:00Z", recovery_endpoint: /v1.0/customer}}
"""


def section(**more):
    """Return the `dialects:` of a configuration; `more` are further keys, as YAML."""
    text = SECTION.format(key=KEY, customer=CUSTOMER, cold=COLD)
    return text + "".join(f"    {name}: {value}\n" for name, value in more.items())


class VoipbinClient(Client):
    """A client of the `websockets` library that can wait until the gateway has handled its messages."""

    def subscribe(self, *topics):
        self.send(command(*topics))
        self.settle()

    def settle(self):
        """Wait until the gateway has handled all sent messages: it sends the pong after that."""
        self._run(self._run(self._connection.ping()))

    def hears(self):
        """Return the next event."""
        return json.loads(self.recv(DEADLINE))


class VoipbinGateway(GatewayProcess):
    """A gateway with VoIPBIN's dialect."""

    def visit(self, target=None, **options):
        """Return a client, of an administrator unless the target has another token."""
        target = target or f"/v1.0/ws?token={signed(claims())}"
        return VoipbinClient(f"wss://localhost:{self.port}{target}", DEADLINE, ssl=trusting(), **options)


class Publisher:
    """Publishes events like VoIPBIN's webhook manager."""

    def __init__(self, port):
        where = pika.ConnectionParameters("127.0.0.1", port)
        self._connection = pika.BlockingConnection(where)
        self._channel = self._connection.channel()
        self._channel.exchange_declare(EXCHANGE, "topic", durable=True)
        self._channel.confirm_delivery()

    def close(self):
        self._connection.close()

    def wanted(self, key):
        """Wait until a queue is bound with this routing key, by publishing a message that is not an event."""
        self._until(key, b"nothing")

    def is_wanted(self, key):
        """Return whether a queue is bound with this routing key."""
        try:
            self._channel.basic_publish(EXCHANGE, key, b"nothing", mandatory=True)
        except UnroutableError:
            return False
        return True

    def publish(self, kind, resource, *keys):
        """Publish an event under these routing keys, after a queue is bound with each."""
        body = {"type": kind, "publisher": "webhook-manager", "data_type": "application/json"}
        body = json.dumps(body | {"data": resource}).encode()
        for key in keys or [self.key(kind, resource)]:
            self._until(key, body)

    @staticmethod
    def key(kind, resource, scope="customer_id", uuid=None):
        """Return the routing key for the customer, or for another scope."""
        return ".".join(
            (scope, uuid or resource["customer_id"], kind.partition("_")[0], kind, resource["id"])
        )

    def _until(self, key, body):
        ends = time.monotonic() + DEADLINE
        while time.monotonic() < ends:
            try:
                self._channel.basic_publish(EXCHANGE, key, body, mandatory=True)
            except UnroutableError:
                continue
            return
        raise AssertionError(f"no queue was bound with {key} in time")


@pytest.fixture
def bus(rabbitmq):
    """A publisher on a real RabbitMQ."""
    publisher = Publisher(rabbitmq.port)
    yield publisher
    publisher.close()


sharing_voipbin = shared(lambda folder: VoipbinGateway(folder, standalone(folder) + section()))


@pytest.fixture
def voipbin(sharing_voipbin):
    """A gateway without external services."""
    return sharing_voipbin.running()


@pytest.fixture
def voipbin_on_rabbitmq(tmp_path, rabbitmq):
    """A gateway with VoIPBIN's own events."""
    text = standalone(tmp_path).replace("type: memory", f"endpoint: '{rabbitmq.endpoint}'")
    with VoipbinGateway(tmp_path, text + section()) as gateway:
        yield gateway.ready()
