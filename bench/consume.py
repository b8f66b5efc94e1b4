"""The cost of an event without a subscriber: CPU of the gateway and of pika's Twisted adapter.

    python -m bench.consume CLIENT PORT MESSAGES

The measure starts this command for each AMQP client, ours and pika's. The client consumes the given number
of messages (a Wazo event of 316 bytes with 5 headers) from a queue that is already full. It prints the CPU
time of its process (getrusage) from just before it consumes until the last message, in microseconds per
message. The gateway also processes each event. It is stopped (SIGSTOP) while the same number of messages is
published, so that its queue is equally full.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import pika
from pika.adapters.twisted_connection import TwistedProtocolConnection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import react

from bench import processes
from bench.gateway import Gateway
from bench.rig import Result, compare
from wsevents.buses.amqp.client import AmqpLogin
from wsevents.buses.amqp.consumer import Consumer
from wsevents.buses.amqp.dialer import Dialer, broker_addresses

ROOT = Path(__file__).parents[1]
PREFETCH = 1000
ACK_EVERY = 100
"""For pika only: our client acknowledges once per read from the socket."""

QUEUE = "bench"
NEVER_FULL = 2**26
"""The size limit that a gateway would declare for its queue; this queue has none."""

HEADERS = {
    "name": "call_created",
    "tenant_uuid": "2c34c282-433e-4bb8-8d56-fec14ff7e1e9",
    "user_uuid:b17d9f99-fcc7-4257-8e89-3d0e36e0b48d": True,
    "required_acl": "events.calls.b17d9f99-fcc7-4257-8e89-3d0e36e0b48d",
    "origin_uuid": "08c56466-8f29-45c7-9856-92bf1ba89b82",
}


def body():
    event = {**HEADERS, "data": {"call_id": "1763692000.42", "status": ""}}
    event["data"]["status"] = "x" * (316 - len(json.dumps(event)))
    return json.dumps(event).encode()


def cpu():
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


# -- the two clients, each in its own process ----------------------------------------------------


async def ours(reactor, port, messages):
    login = AmqpLogin("/", "guest", "guest")
    dialer = Dialer(broker_addresses([f"tcp:127.0.0.1:{port}"], reactor), login, reactor, reactor.seconds)
    client = await dialer.dial(dialer.broker_addresses[0])
    done, count = Deferred(), 0

    def take(delivery):
        nonlocal count
        count += 1
        assert delivery.headers["name"]
        if count == messages:
            done.callback(None)

    began = cpu()
    await Consumer(client, QUEUE, NEVER_FULL).consume(take, lambda: None, PREFETCH)
    await done
    spent = cpu() - began
    client.shutdown()
    await dialer.all_closed()
    return spent


async def pikas(reactor, port, messages):
    protocol = TwistedProtocolConnection(pika.ConnectionParameters())
    connection = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), protocol)
    await connection.ready
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=PREFETCH)
    began = cpu()
    queue, _ = await channel.basic_consume(queue=QUEUE, exclusive=True)
    for count in range(1, messages + 1):
        _, method, properties, _ = await queue.get()
        assert properties.headers["name"]
        if count % ACK_EVERY == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
    spent = cpu() - began
    await connection.close()
    return spent


CLIENTS = {"ours": ours, "pika": pikas}


async def run(reactor, name, port, messages):
    spent = await CLIENTS[name](reactor, port, messages)
    print(spent / messages * 1e6)


# -- the rounds -----------------------------------------------------------------------------------


def steps(plan):
    """Return the number of steps."""
    return 3 * plan.rounds


def measure(rig):
    """Let the gateway, pika's adapter and our client consume the same number of messages, in turn."""
    rounds = []
    with Gateway(rig.load, rig.broker) as gateway, gateway.join("last", 1) as peer:
        for number in range(rig.plan.rounds):
            found = {}
            for name in ("gateway", *sorted(CLIENTS, reverse=bool(number % 2))):
                rig.step(f"events without a subscriber, {name}, round {number + 1}")
                cost = _gateway_cost if name == "gateway" else _client_cost
                found[name] = cost(rig, gateway, peer, name)
            rounds.append(found)
    bare = median(each["ours"] / each["pika"] for each in rounds)
    row = compare(
        "CPU per consumed event without a subscriber, against pika's Twisted adapter",
        "µs",
        0.6,
        [(each["gateway"], each["pika"]) for each in rounds],
        f"the whole gateway; its AMQP client alone: {bare:.2f} ×",
    )
    return Result([row], {"rounds": rounds})


def _gateway_cost(rig, gateway, peer, _):
    """Return the CPU microseconds per message. A last event with a subscriber marks the end."""
    content = body()
    peer.begin()
    with gateway.paused():
        for _ in range(rig.plan.messages):
            gateway.publisher.send(HEADERS, content)
        gateway.publish("last")
        gateway.publisher.settle()
        time.sleep(0.5)
        before = processes.cpu(gateway.pids)
    report = peer.wait(1, 60)
    spent = processes.cpu(gateway.pids) - before
    if report["samples"] != 1:
        raise RuntimeError(f"the gateway did not reach the end of its queue: {report}")
    return spent / rig.plan.messages * 1e6


def _client_cost(rig, gateway, _, name):
    gateway.publisher.fill(QUEUE, HEADERS, body(), rig.plan.messages)
    command = [sys.executable, "-m", "bench.consume", name, str(rig.broker.port), str(rig.plan.messages)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True, cwd=ROOT)
    return float(done.stdout)


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(run(reactor, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
