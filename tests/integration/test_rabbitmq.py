"""The bus on a real RabbitMQ: the contract, and everything that can happen to a connection."""

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from struct import pack

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater
from txamqp.content import Content
from zope.interface.verify import verifyClass

from tests.support.bus_contract import ALL, DIRECT, EXCHANGES, HEADERS, BusContract, publish
from tests.support.bus_observer import Ear
from tests.support.certificates import certificate
from tests.support.tcp_proxy import SilentServer, TcpProxy
from wsevents.api.errors import BusError
from wsevents.api.events import Binding, Exchange
from wsevents.api.interfaces import IBus
from wsevents.buses.amqp import AmqpBus, client, spec
from wsevents.buses.amqp.client import MAIN, AmqpLogin
from wsevents.buses.amqp.dialer import Dialer, broker_addresses
from wsevents.buses.amqp.frames import encode_ack, encode_frame, encode_method

# The fixture is imported, and then named by parameters.


class Hasty(Random):
    """Reconnects without waiting long."""

    def uniform(self, low, high):
        return 0.05


def make_bus(broker, **settings):
    settings = {"endpoint": broker.endpoint, **settings}
    return AmqpBus(AmqpBus.settings(**settings), reactor, now=lambda: 1234.5, entropy=Hasty())


SMALL = {"queue_bytes": 1_048_576, "prefetch": 5, "heartbeat": 600}
"""So little waits for the gateway that a test can publish more."""


class Rig:
    def __init__(self, broker):
        self._broker = broker

    def now(self):
        return 1234.5

    def bus(self):
        return make_bus(self._broker, queue_bytes=4_194_304, prefetch=50)

    def stall(self, bus):
        bus._consumer.client.transport.pauseProducing()

    def resume(self, bus):
        bus._consumer.client.transport.resumeProducing()

    async def drop(self):
        await self._broker.stop()

    async def restore(self):
        await self._broker.start()


@pytest.fixture
def rig(rabbitmq):
    return Rig(rabbitmq)


class TestAmqpBus(BusContract):
    pass


def test_the_class_is_what_the_interface_says():
    assert verifyClass(IBus, AmqpBus)
    assert isinstance(AmqpBus.create(AmqpBus.settings(), reactor), AmqpBus)


@pytest_twisted.async_yield_fixture
async def wire(rabbitmq):
    """What the bus may be connected by, to see it go silent; listens already."""
    wire = TcpProxy(rabbitmq.port)
    wire.endpoint = await wire.listen()
    yield wire
    await wire.close()


@asynccontextmanager
async def started(broker, exchanges=EXCHANGES, bindings=(ALL,), **settings):
    """Give a bus that was told to start, and its listener."""
    bus, ear = make_bus(broker, **settings), Ear()
    bus.attach(ear, exchanges, bindings)
    bus.startService()
    try:
        yield bus, ear
    finally:
        await bus.stopService()


async def works(bus, ear):
    """Check that a message comes through."""
    count = len(ear.deliveries)
    await publish(bus, b"it works")
    await ear.heard(count + 1)


async def survives(bus, ear, log, words):
    """Check that the loss is reported once, logged in one line, and followed by a reconnection."""
    await ear.ups(2)
    assert [state[:4] for state in ear.states] == ["up", "down", "up"]
    assert words in ear.states[1]
    (line,) = log.of("the bus is down")
    assert words in line
    assert "\n" not in line
    assert "retrying in 0.1 s" in line
    await works(bus, ear)


# -- what breaks a connection that was up ---------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_connections_closed_by_an_operator_come_back(rabbitmq, log):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        await works(bus, ear)
        await rabbitmq.close_connections("maintenance")
        await survives(bus, ear, log, "maintenance")


@pytest_twisted.ensureDeferred
async def test_a_deleted_queue_is_made_again(rabbitmq, log):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        queue = (await rabbitmq.ctl("list_queues", "name")).split()[-1]
        assert queue.startswith("wsevents.")
        await rabbitmq.ctl("delete_queue", queue)
        await survives(bus, ear, log, "the broker cancelled the consumer")


@pytest_twisted.ensureDeferred
async def test_a_channel_closed_by_the_broker_is_opened_again(rabbitmq, log):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        bus._consumer.client.transport.write(encode_ack(MAIN, 99))
        await survives(bus, ear, log, "unknown delivery tag 99")


@pytest_twisted.ensureDeferred
async def test_a_broker_that_is_killed_and_restarted_is_found_again(rabbitmq, log):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        await rabbitmq.crash()
        await ear.downs()
        refused = log.until("connection refused (start the broker, or correct bus.endpoint)")
        await refused
        await rabbitmq.start()
        await ear.ups(2)
        assert [state[:4] for state in ear.states] == ["up", "down", "up"]
        await works(bus, ear)


@pytest_twisted.ensureDeferred
async def test_a_broker_that_falls_silent_is_given_up_by_heartbeat(rabbitmq, wire, log):
    async with started(rabbitmq, endpoint=wire.endpoint, heartbeat=1) as (bus, ear):
        await ear.ups(1)
        wire.go_silent()
        await ear.downs()
        wire.heal()
        await survives(bus, ear, log, "no data from the broker for 2 s")


@pytest_twisted.ensureDeferred
async def test_an_idle_connection_lives_on_heartbeats(rabbitmq, wire):
    async with started(rabbitmq, endpoint=wire.endpoint, heartbeat=1) as (_, ear):
        await ear.ups(1)
        beats, done = [], Ear()
        (server,) = wire.open
        forward = server.dataReceived

        def count(data):
            beats.append(data)
            if len(beats) == 8:
                done.bus_back()
            forward(data)

        server.dataReceived = count
        await done.ups(1)
        assert ear.states == ["up"]


@pytest_twisted.ensureDeferred
async def test_stopping_does_not_wait_for_a_silent_broker(rabbitmq, wire):
    async with started(rabbitmq, endpoint=wire.endpoint) as (bus, ear):
        await ear.ups(1)
        wire.go_silent()
        await bus.stopService()
        assert not bus.up


# -- what keeps it from coming up -----------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_is_said_at_once_and_without_it(rabbitmq, log):
    await rabbitmq.add_user("alice", "right-secret")
    said = log.until("403 ACCESS_REFUSED")
    async with started(rabbitmq, username="alice", password="wrong-secret") as (bus, ear):
        await said
        assert "correct bus.username and bus.password" in log.of("the bus is down")[0]
        assert "wrong-secret" not in "".join(log.lines) + repr(AmqpBus.settings(password="wrong-secret"))
        with pytest.raises(BusError, match="ACCESS_REFUSED"):
            await publish(bus, b"")
        await rabbitmq.ctl("change_password", "alice", "wrong-secret")
        await ear.ups(1)
        await works(bus, ear)
        assert ear.states == ["up"]
    await rabbitmq.ctl("delete_user", "alice")


@pytest_twisted.ensureDeferred
async def test_a_missing_vhost_is_named_and_used_once_it_is_there(rabbitmq, log):
    said = log.until("vhost later not found")
    async with started(rabbitmq, vhost="later") as (bus, ear):
        await said
        assert "correct bus.vhost" in log.of("the bus is down")[0]
        await rabbitmq.add_vhost("later")
        await ear.ups(1)
        await works(bus, ear)
    await rabbitmq.ctl("delete_vhost", "later")


@pytest_twisted.ensureDeferred
async def test_an_exchange_with_other_properties_is_said_and_awaited(rabbitmq, log):
    async with started(rabbitmq, exchanges=[Exchange("odd", "topic")], bindings=()) as (_, ear):
        await ear.ups(1)
    said = log.until("exchange 'odd'")
    async with started(rabbitmq, exchanges=[*EXCHANGES, Exchange("odd", "headers")]) as (bus, ear):
        await said
        (line,) = log.of("exchange 'odd'")[:1]
        assert "406 PRECONDITION_FAILED" in line
        assert "correct bus.exchange_name or bus.exchange_type, or delete it" in line
        await rabbitmq.ctl("delete_exchange", "odd")
        await ear.ups(1)
        await works(bus, ear)


@pytest.mark.parametrize("form", ["tcp:127.0.0.1:{0}", r"tls:localhost:{0}:endpoint=tcp\:127.0.0.1\:{0}"])
@pytest_twisted.ensureDeferred
async def test_a_server_that_says_nothing_is_given_up(rabbitmq, log, monkeypatch, form):
    monkeypatch.setattr(client, "HANDSHAKE_SECONDS", 0.2)
    mute = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(SilentServer())
    said = log.until("no AMQP handshake within")
    silent = form.format(mute.getHost().port)
    async with started(rabbitmq, endpoint=[silent, rabbitmq.endpoint]) as (bus, ear):
        await said
        await ear.ups(1)
        assert silent in log.of("the bus is down")[0]
        await works(bus, ear)
    await mute.stopListening()


@pytest_twisted.ensureDeferred
async def test_brokers_are_tried_in_turn(rabbitmq, log):
    nobody = "tcp:127.0.0.1:1"
    async with started(rabbitmq, endpoint=[nobody, rabbitmq.endpoint]) as (bus, ear):
        await ear.ups(1)
        await rabbitmq.close_connections()
        await ear.ups(2)
        assert [f"{nobody}: " in line for line in log.of("the bus is down")] == [True, False, True]
        await works(bus, ear)


# -- TLS ------------------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_tls_with_a_trusted_certificate_works(rabbitmq):
    async with started(rabbitmq, endpoint=rabbitmq.tls_endpoint()) as (bus, ear):
        await ear.ups(1)
        await works(bus, ear)
        protocols = await rabbitmq.ctl("list_connections", "ssl")
        assert protocols.split()[1:] == ["true", "true"]


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_is_not_trusted_is_refused(rabbitmq, log, tmp_path):
    (tmp_path / "stranger.pem").write_bytes(certificate("localhost").public)
    said = log.until("is not accepted: it is self-signed and not trusted")
    async with started(rabbitmq, endpoint=rabbitmq.tls_endpoint(tmp_path)) as (bus, _):
        await said
        assert "correct trustRoots in bus.endpoint" in log.of("the bus is down")[0]
        assert not bus.up


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_another_host_is_refused(rabbitmq, log):
    said = log.until("and not for broker.example.org; correct the host name in bus.endpoint")
    endpoint = rabbitmq.tls_endpoint(host="broker.example.org")
    async with started(rabbitmq, endpoint=endpoint) as (bus, _):
        await said
        assert not bus.up


# -- publishing -----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_broker_short_of_memory_fails_publications_and_delivers_on(rabbitmq, log):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        await works(bus, ear)
        await rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
        try:
            with pytest.raises(BusError, match="does not accept publications: low on memory"):
                await publish(bus, b"1")
            with pytest.raises(BusError, match="does not accept publications: low on memory"):
                await publish(bus, b"2")
            await bus.bind(Binding(DIRECT.name, "a"))
            relieved = log.until("the broker accepts publications again")
        finally:
            await rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
        await relieved
        assert len(log.of("the broker does not accept publications: low on memory")) == 1
        await works(bus, ear)
        assert ear.states == ["up"]


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_encoded_fails_and_wedges_nothing(rabbitmq):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        for headers in {"a": 2**64}, {"a": object()}, {"x" * 256: 1}, {"a": float}, {"a": "\ud800"}:
            with pytest.raises(BusError, match="not published"):
                await bus.publish(HEADERS.name, "", headers, b"")
        with pytest.raises(BusError, match="not published"):
            await bus.publish(HEADERS.name, "k" * 256, {}, b"")
        with pytest.raises(BusError, match="not published"):
            await bus.publish(HEADERS.name, "", {}, "text")
        await works(bus, ear)
        assert ear.bodies == [b"it works"]


# -- everything a publisher may send --------------------------------------------------------------


@asynccontextmanager
async def dialled(broker):
    """Give the main channel of a connection of our own client."""
    dialer = Dialer(
        broker_addresses([broker.endpoint], reactor), AmqpLogin("/", "guest", "guest"), reactor, lambda: 0.0
    )
    connection = await dialer.dial(dialer.broker_addresses[0])
    try:
        channel = await connection.channel(MAIN)
        await channel.channel_open()
        yield channel
    finally:
        connection.shutdown()
        await dialer.all_closed()


EVERYTHING = {
    "t": True,
    "b": -7,
    "I": 2**31 - 1,
    "l": -(2**63),
    "d": 1.5,
    "S": "é",
    "x": b"\x00\xff",
    "V": None,
    "T": datetime(2026, 11, 21, tzinfo=UTC),
    "D": Decimal("-12.34"),
    "A": [1, "a", [None], {"b": False}],
    "F": {"a": {"b": {"c": [Decimal(5)]}}},
}
OTHER_TYPES = {  # which our own codec never writes
    b"\1bb\xff": {"b": -1},
    b"\1BB\xff": {"B": 255},
    b"\1ss\xff\xff": {"s": -1},
    b"\1uu\xff\xff": {"u": 65535},
    b"\1ii\xff\xff\xff\xff": {"i": 2**32 - 1},
    b"\1ff\x3f\xc0\0\0": {"f": 1.5},
    b"\1TT\xff\xff\xff\xff\xff\xff\xff\xff": {"T": 2**64 - 1},
    b"\1SS\0\0\0\1\xff": {"S": b"\xff"},
}


@pytest_twisted.ensureDeferred
async def test_headers_of_every_type_come_decoded(rabbitmq):
    async with started(rabbitmq) as (_, ear), dialled(rabbitmq) as channel:
        await ear.ups(1)
        await send(channel, EVERYTHING)
        for raw in OTHER_TYPES:
            await send(channel, raw)
        await send(channel, b"")
        await ear.heard(2 + len(OTHER_TYPES))
        headers = [delivery.headers for delivery in ear.deliveries]
        assert headers == [EVERYTHING, *OTHER_TYPES.values(), {}]
        assert ear.states == ["up"]


@pytest_twisted.ensureDeferred
async def test_headers_nested_too_deep_are_dropped_and_nothing_else(rabbitmq, log):
    deep = b""
    for _ in range(500):
        deep = b"\1aF" + len(deep).to_bytes(4, "big") + deep
    async with started(rabbitmq) as (bus, ear), dialled(rabbitmq) as channel:
        await ear.ups(1)
        await send(channel, deep)
        await send(channel, deep)
        await works(bus, ear)
        assert ear.bodies == [b"it works"]
        assert len(log.of("nested too deep")) == 1
        await rabbitmq.shows(lambda printed: printed.split()[-1] == "0", "list_queues", "messages")


@pytest_twisted.ensureDeferred
async def test_messages_without_properties_come_too(rabbitmq):
    async with started(rabbitmq) as (_, ear), dialled(rabbitmq) as channel:
        await ear.ups(1)
        await channel.basic_publish(exchange=HEADERS.name, routing_key="é", content=Content(b"bare"))
        properties = {"message-id": "m", "timestamp": 1, "app-id": "a", "content-type": "text/plain"}
        await channel.basic_publish(exchange=HEADERS.name, content=Content(b"full", properties=properties))
        await ear.heard(2)
        assert [(one.body, one.key, one.headers) for one in ear.deliveries] == [
            (b"bare", "é", {}),
            (b"full", "", {}),
        ]


async def send(channel, headers):
    """Publish with these headers: values, or a table already as bytes."""
    if not isinstance(headers, bytes):
        content = Content(b"", properties={"headers": headers})
        await channel.basic_publish(exchange=HEADERS.name, content=content)
        return
    method = spec.load().classes.byname["basic"].methods.byname["publish"]
    header = pack(">HHQHL", 60, 0, 0, 0x2000, len(headers)) + headers
    frames = encode_method(MAIN, method, (0, HEADERS.name, "", False, False))
    channel.client.transport.write(frames + encode_frame(spec.HEADER, MAIN, header))


# -- what there is at the broker ------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_there_are_two_exclusive_queues_and_nothing_is_left(rabbitmq):
    async with started(rabbitmq) as (bus, ear):
        await ear.ups(1)
        for _ in range(20):
            await works(bus, ear)
        await rabbitmq.shows(lambda printed: printed.split()[1:] == ["0", "0"], "list_queues", "messages")
        queues = await rabbitmq.ctl("list_queues", "name", "exclusive", "auto_delete", "durable", "messages")
        rows = sorted(line.split() for line in queues.splitlines()[1:])
        name = rows[0][0]
        assert name.startswith("wsevents.")
        assert rows == [[one, "true", "false", "false", "0"] for one in (name, f"{name}.gaps")]
        consumers = await rabbitmq.ctl("list_consumers", "queue_name", "ack_required", "prefetch_count")
        assert sorted(line.split() for line in consumers.splitlines()[1:]) == [
            [name, "true", "1000"],
            [f"{name}.gaps", "true", "1"],
        ]
        connections = await rabbitmq.ctl("list_connections", "pid")
        assert len(connections.splitlines()) == 1 + 2, "one consumes, one publishes"
    for nothing in ("list_queues", "name"), ("list_connections", "pid"):
        await rabbitmq.shows(lambda printed: len(printed.splitlines()) == 1, *nothing)


# -- more than the gateway can take ---------------------------------------------------------------


async def flood(bus, count=40, size=60_000):
    """Publish so much at once; returns when the broker has confirmed it all."""
    await gatherResults([bus.publish(HEADERS.name, "", {}, bytes(size)) for _ in range(count)])


async def waiting(broker, bus):
    """Return how many messages wait for a bus, how many bytes they are, and how many gaps."""
    rows = await broker.ctl("list_queues", "name", "messages_ready", "message_bytes_ready")
    queues = {row.split()[0]: [int(word) for word in row.split()[1:]] for row in rows.splitlines()[1:]}
    name = bus._consumer.queue
    return *queues[name], queues[f"{name}.gaps"][0]


@asynccontextmanager
async def stalled(broker, **settings):
    """Give a bus that was up and stands still, its listener, and another bus to publish with."""
    async with (
        started(broker, **{**SMALL, **settings}) as (bus, ear),
        started(broker, bindings=()) as (other, publisher),
    ):
        await ear.ups(1)
        await publisher.ups(1)
        Rig(broker).stall(bus)
        yield bus, ear, other


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_gateway_that_stands_still_is_bounded_and_publishers_are_not_held_up(rabbitmq):
    async with stalled(rabbitmq) as (bus, ear, other):
        for _ in range(4):
            await flood(other)
            count, size, gaps = await waiting(rabbitmq, bus)
            assert (count, size) == (17, 17 * 60_000), "as many as there is room for"
            assert gaps <= 1
        assert ear.gaps == []
        Rig(rabbitmq).resume(bus)
        await ear.missed()
        while await waiting(rabbitmq, bus) != (0, 0, 0):
            await deferLater(reactor, 0.05)
        await works(bus, ear)
        assert len(ear.deliveries) == 5 + 1, "those that were under way already, and the new one"
        (why,) = ear.gaps
        assert "more than bus.queue_bytes (1048576) waited" in why
        assert ear.states == ["up"]


@pytest_twisted.ensureDeferred
async def test_each_gap_is_told(rabbitmq):
    async with stalled(rabbitmq) as (bus, ear, other):
        for count in range(1, 4):
            await flood(other)
            Rig(rabbitmq).resume(bus)
            await ear.missed(count)
            await works(bus, ear)
            Rig(rabbitmq).stall(bus)
        assert len(ear.gaps) == 3


@pytest_twisted.ensureDeferred
async def test_events_without_a_body_are_bounded_too(rabbitmq):
    async with stalled(rabbitmq) as (bus, ear, other):
        await flood(other, 5000, 0)
        assert (await waiting(rabbitmq, bus))[:2] == (4096, 0)
        Rig(rabbitmq).resume(bus)
        await ear.missed()


@pytest_twisted.ensureDeferred
async def test_one_event_larger_than_all_that_may_wait_comes_if_nothing_waits_and_else_is_a_gap(rabbitmq):
    async with stalled(rabbitmq) as (bus, ear, other):
        Rig(rabbitmq).resume(bus)
        await flood(other, 1, 2_000_000)
        await ear.heard(1)
        assert ear.gaps == []
        Rig(rabbitmq).stall(bus)
        await flood(other, 5, 1)
        await flood(other, 1, 2_000_000)
        Rig(rabbitmq).resume(bus)
        await ear.missed()
        assert len(ear.deliveries) == 1 + 5


@pytest_twisted.ensureDeferred
async def test_a_gap_is_told_even_if_what_was_dropped_cannot_be_decoded(rabbitmq):
    deep = b""
    for _ in range(500):
        deep = b"\1aF" + len(deep).to_bytes(4, "big") + deep
    async with stalled(rabbitmq) as (bus, ear, other), dialled(rabbitmq) as channel:
        await flood(other, 5)
        for _ in range(4097):
            await send(channel, deep)
        await channel.basic_qos(prefetch_count=1)  # when that is answered, all before it has been done
        assert (await waiting(rabbitmq, bus))[:2] == (4096, 0)
        Rig(rabbitmq).resume(bus)
        await ear.missed()
        await works(bus, ear)


@pytest_twisted.ensureDeferred
async def test_a_gap_at_the_end_of_a_connection_is_told_by_the_loss_of_the_bus(rabbitmq):
    async with stalled(rabbitmq) as (bus, ear, other):
        await flood(other)
        await rabbitmq.close_connections()
        Rig(rabbitmq).resume(bus)
        await ear.ups(2)
        await works(bus, ear)
        assert [state[:4] for state in ear.states] == ["up", "down", "up"]


@pytest_twisted.ensureDeferred
async def test_what_waits_does_not_take_the_memory_of_the_broker(rabbitmq):
    async with stalled(rabbitmq, queue_bytes=8_388_608) as (bus, _, other):
        for _ in range(5):
            await flood(other, 3000, 100)
        assert (await waiting(rabbitmq, bus))[0] == 15_000 - 5
        queues = dict(
            map(str.split, (await rabbitmq.ctl("list_queues", "name", "messages_ram")).splitlines())
        )
        assert int(queues[bus._consumer.queue]) < 3000, "all the others are on its disk alone"


# -- what its user must be allowed ----------------------------------------------------------------

DOCUMENTED = Path(__file__).parents[2].joinpath("docs", "operating", "configure.md").read_text()


def permissions():
    """Return configure, write and read as the documentation has them, for the exchanges of these tests."""
    (words,) = re.findall(r"(?m)^ *rabbitmqctl set_permissions wsevents '(.*)' '(.*)' '(.*)'$", DOCUMENTED)
    return [word.replace("wazo-headers", "contract-[a-z]+") for word in words]


@pytest_twisted.ensureDeferred
async def test_the_documented_permissions_are_enough(rabbitmq):
    await rabbitmq.add_user("modest", "secret", permissions=permissions())
    async with stalled(rabbitmq, username="modest", password="secret") as (bus, ear, other):
        await flood(other)
        Rig(rabbitmq).resume(bus)
        await ear.missed()
        await works(other, ear)
    await rabbitmq.ctl("delete_user", "modest")


@pytest_twisted.ensureDeferred
async def test_a_user_who_may_not_write_to_the_default_exchange_is_told_so(rabbitmq, log):
    configure, write, read = permissions()
    write = write.replace(r"amq\.default", "nothing")
    await rabbitmq.add_user("meek", "secret", permissions=(configure, write, read))
    said = log.until("amq.default")
    async with started(rabbitmq, username="meek", password="secret"):
        await said
        (line,) = log.of("the bus is down")[:1]
        assert "ACCESS_REFUSED" in line
        assert "give the user permission for it" in line
    await rabbitmq.ctl("delete_user", "meek")
