"""What consuming an event costs: CPU per message of our AMQP client and of pika's Twisted adapter.

    python bench/consume.py [PAIRS]

starts a private RabbitMQ and, in each of PAIRS (5) rounds, one process for each client, in turn first:
each takes the same 20,000 messages (a Wazo event of 316 bytes with 5 headers) out of a queue that is
full already. Measured is the CPU time of the process (getrusage) from just before it consumes until
the last message.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import pika
from pika.adapters.twisted_connection import TwistedProtocolConnection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import react

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the broker of the tests

from tests.rabbitmq import Broker  # noqa: E402
from wsevents.buses.amqp.client import Login  # noqa: E402
from wsevents.buses.amqp.consumer import Consumer  # noqa: E402
from wsevents.buses.amqp.dialer import Dialer, places  # noqa: E402

MESSAGES = 20_000
PREFETCH = 1000
ACK_EVERY = 100
"""For pika, which leaves it to the caller; ours acknowledges once for each read from the socket."""

QUEUE = "bench"
NEVER_FULL = 2**26
"""What a gateway would declare; this queue is declared here, without bounds."""

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


# -- the two clients, each in a process of its own ------------------------------------------------


async def ours(reactor, port):
    login = Login("/", "guest", "guest")
    dialer = Dialer(places([f"tcp:127.0.0.1:{port}"], reactor), login, reactor, reactor.seconds)
    client = await dialer.dial(dialer.places[0])
    done, count = Deferred(), 0

    def take(delivery):
        nonlocal count
        count += 1
        assert delivery.headers["name"]
        if count == MESSAGES:
            done.callback(None)

    began = cpu()
    await Consumer(client, QUEUE, NEVER_FULL).consume(take, lambda: None, PREFETCH)
    await done
    spent = cpu() - began
    client.leave()
    await dialer.gone()
    return spent


async def pikas(reactor, port):
    protocol = TwistedProtocolConnection(pika.ConnectionParameters())
    connection = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), protocol)
    await connection.ready
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=PREFETCH)
    began = cpu()
    queue, _ = await channel.basic_consume(queue=QUEUE, exclusive=True)
    for count in range(1, MESSAGES + 1):
        _, method, properties, _ = await queue.get()
        assert properties.headers["name"]
        if count % ACK_EVERY == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
    spent = cpu() - began
    await connection.close()
    return spent


CLIENTS = {"ours": ours, "pika": pikas}


async def run(reactor, name, port):
    spent = await CLIENTS[name](reactor, int(port))
    print(spent / MESSAGES * 1e6)


# -- the rounds -----------------------------------------------------------------------------------


def fill(port):
    """The last publication is confirmed, so all are in the queue then."""
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE)
        channel.queue_declare(f"{QUEUE}.gaps")
        channel.queue_purge(QUEUE)
        properties = pika.BasicProperties(content_type="application/json", headers=HEADERS)
        for number in range(MESSAGES):
            if number == MESSAGES - 1:
                channel.confirm_delivery()
            channel.basic_publish("", QUEUE, body(), properties)


def measure(name, port):
    fill(port)
    command = [sys.executable, __file__, name, str(port)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    return float(done.stdout)


def main(pairs):
    print(f"{MESSAGES} messages of {len(body())} bytes, {len(HEADERS)} headers; microseconds of CPU for each")
    print(f"{'round':>6} {'ours':>8} {'pika':>8} {'ratio':>8}")
    ratios = []
    with tempfile.TemporaryDirectory(prefix="wsevents-bench-") as root:
        broker = Broker(Path(root))
        try:
            broker.boot()
            for number in range(pairs):
                order = sorted(CLIENTS, reverse=bool(number % 2))
                spent = {name: measure(name, broker.port) for name in order}
                ratios.append(spent["ours"] / spent["pika"])
                print(
                    f"{number + 1:>6} {spent['ours']:8.1f} {spent['pika']:8.1f} {ratios[-1]:8.2f}", flush=True
                )
        finally:
            broker.close()
    print(f"{'median':>6} {'':8} {'':8} {median(ratios):8.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in CLIENTS:
        react(lambda reactor: ensureDeferred(run(reactor, *sys.argv[1:])))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 5)
