"""A gateway that stands still, a real RabbitMQ that drops what waits for it, and peers that are told."""

import json
import signal

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from websockets.exceptions import ConnectionClosed

from tests.support.bus_observer import Ear
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from wsevents.api.close_reasons import EVENTS_LOST
from wsevents.api.events import Exchange
from wsevents.buses.amqp import AmqpBus

BOUND = 1_048_576
EXCHANGE = Exchange("gaps", "headers")
BUS = f"""
bus:
  endpoint: "{{endpoint}}"
  exchange_name: {EXCHANGE.name}
  heartbeat: 600
  prefetch: 5
  queue_bytes: {BOUND}
"""


@pytest.fixture
def gateway(rabbitmq, tmp_path):
    """A gateway for which not much may wait."""
    text = standalone(tmp_path)
    bus = BUS.format(endpoint=rabbitmq.endpoint)
    assert "\nbus: {type: memory}\n" in text
    with GatewayProcess(tmp_path, text.replace("\nbus: {type: memory}\n", bus)) as process:
        yield process.ready()


@pytest_twisted.async_yield_fixture
async def publisher(rabbitmq):
    """A bus that only publishes."""
    from twisted.internet import reactor

    bus, ear = AmqpBus.create(AmqpBus.settings(endpoint=rabbitmq.endpoint), reactor), Ear()
    bus.attach(ear, [EXCHANGE], [])
    bus.startService()
    await ear.ups(1)
    yield bus
    await bus.stopService()


def publish(bus, number, size=0):
    """Publish an event that all clients may see; fires when the broker has confirmed it."""
    body = json.dumps({"number": number, "more": "x" * size}).encode()
    headers = {"name": "e", "tenant_uuid": "t1", "user_uuid:*": True, "required_acl": None}
    return bus.publish(EXCHANGE.name, "", headers, body)


def listening(gateway):
    """Return a client that receives all events."""
    client = gateway.connect("/?token=s3cret-user&version=2")
    client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
    client.send('{"op": "start"}')
    for _ in ("init", "subscribe", "start"):
        client.recv(DEADLINE)
    return client


def heard(client):
    """Return the number of the next event."""
    return json.loads(client.recv(DEADLINE))["data"]["number"]


def rest(client):
    """Return the numbers of all events until the connection is closed, and how it was."""
    numbers = []
    with client, pytest.raises(ConnectionClosed) as closed:
        while True:
            numbers.append(heard(client))
    return numbers, (closed.value.rcvd.code, closed.value.rcvd.reason)


async def bytes_waiting(broker):
    rows = (await broker.ctl("list_queues", "name", "message_bytes_ready")).splitlines()[1:]
    return max(int(row.split()[1]) for row in rows)


@pytest_twisted.ensureDeferred
async def test_a_gateway_that_stood_still_tells_every_peer_holds_nobody_up_and_goes_on(
    gateway, publisher, rabbitmq
):
    clients = [await deferToThread(listening, gateway) for _ in range(5)]
    await publish(publisher, -1)
    assert [await deferToThread(heard, client) for client in clients] == [-1] * 5
    gateway.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        await gatherResults([publish(publisher, number, 60_000) for number in range(40)])
        assert await bytes_waiting(rabbitmq) <= BOUND
    gateway.process.send_signal(signal.SIGCONT)
    for client in clients:
        numbers, closed = await deferToThread(rest, client)
        assert closed == (1011, "events were lost")
        assert numbers == list(range(len(numbers))), "what came before the gap, and nothing after it"
    clients = [await deferToThread(listening, gateway) for _ in range(5)]
    await publish(publisher, 99)
    assert [await deferToThread(heard, client) for client in clients] == [99] * 5
    for client in clients:
        await deferToThread(client.close)
    gateway.stop()
    (line,) = [line for line in gateway.log.splitlines() if "events lost: " in line]
    assert f"events lost: more than bus.queue_bytes ({BOUND}) waited in RabbitMQ" in line
    assert "; closing 5 peers" in line
    assert gateway.log.count("session closed: wazo") == 10
    assert gateway.log.count(f"1011 {EVENTS_LOST.meaning}") == 5
    assert ", 1 gaps, " in gateway.log
