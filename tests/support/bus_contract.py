"""The contract of every bus. A test module inherits from `BusContract` and defines a fixture `rig`:

    rig.bus()                   returns a new, unattached bus
    await rig.drop()            makes the broker unreachable
    await rig.restore()         makes the broker reachable again
    rig.stall(bus)              makes the bus stop taking published messages, if it supports that
    rig.resume(bus)             makes the bus take them again

The tests use the exchanges `contract-headers`, `contract-topic`, `contract-fanout` and `contract-direct`.
"""

from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults, maybeDeferred
from zope.interface.verify import verifyObject

from tests.support.bus_observer import Ear
from wsevents.api.errors import BusError
from wsevents.api.events import Binding, Exchange
from wsevents.api.interfaces import IBus, IBusListener

HEADERS = Exchange("contract-headers", "headers")
TOPIC = Exchange("contract-topic", "topic")
FANOUT = Exchange("contract-fanout", "fanout")
DIRECT = Exchange("contract-direct", "direct")
EXCHANGES = (HEADERS, TOPIC, FANOUT, DIRECT)

ALL = Binding(HEADERS.name)


@asynccontextmanager
async def running(rig, *bindings, ear=None):
    """Start a bus with these bindings; yield the bus and its listener."""
    bus, ear = rig.bus(), ear or Ear()
    bus.attach(ear, EXCHANGES, bindings)
    bus.startService()
    try:
        await ear.ups(1)
        yield bus, ear
    finally:
        await maybeDeferred(bus.stopService)


async def publish(bus, body, key="", exchange=HEADERS.name, **headers):
    await bus.publish(exchange, key, headers, body)


class BusContract:
    def test_it_provides_the_interface(self, rig):
        assert verifyObject(IBus, rig.bus())
        assert verifyObject(IBusListener, Ear())

    @pytest_twisted.ensureDeferred
    async def test_it_is_up_from_the_first_bus_back_until_it_is_stopped(self, rig):
        bus, ear = rig.bus(), Ear()
        bus.attach(ear, EXCHANGES, [ALL])
        assert not bus.up
        bus.startService()
        assert not ear.states, "never within startService"
        await ear.ups(1)
        assert bus.up
        await maybeDeferred(bus.stopService)
        assert not bus.up
        assert ear.states == ["up"]

    @pytest_twisted.ensureDeferred
    async def test_a_headers_exchange_without_arguments_gives_everything(self, rig):
        async with running(rig, ALL) as (bus, ear):
            await publish(
                bus, b"{}", key="calls.call.created", name="call_created", required_acl="events.calls.1"
            )
            await ear.heard(1)
            (delivery,) = ear.deliveries
            assert delivery.body == b"{}"
            assert delivery.headers == {"name": "call_created", "required_acl": "events.calls.1"}
            assert (delivery.exchange, delivery.key) == (HEADERS.name, "calls.call.created")
            assert delivery.received == rig.now()
            assert not delivery.redelivered

    @pytest_twisted.ensureDeferred
    async def test_a_boolean_header_binding_takes_only_the_boolean_true(self, rig):
        binding = Binding(HEADERS.name, arguments=(("user_uuid:1", True),))
        async with running(rig, binding) as (bus, ear):
            await publish(bus, b"none")
            await publish(bus, b"false", **{"user_uuid:1": False})
            await publish(bus, b"word", **{"user_uuid:1": "true"})
            await publish(bus, b"other", **{"user_uuid:2": True})
            await publish(bus, b"true", **{"user_uuid:1": True, "name": "x"})
            await ear.heard(1)
            assert ear.bodies == [b"true"]

    @pytest_twisted.ensureDeferred
    async def test_a_headers_binding_needs_all_its_arguments_or_any_if_it_says_so(self, rig):
        both = (("name", "a"), ("origin_uuid", "o"))
        bindings = (
            Binding(HEADERS.name, arguments=both),
            Binding(HEADERS.name, arguments=(("tenant", "t"), ("user", "u"), ("x-match", "any"))),
        )
        async with running(rig, *bindings) as (bus, ear):
            await publish(bus, b"half", name="a")
            await publish(bus, b"both", name="a", origin_uuid="o", more=1)
            await publish(bus, b"neither", tenant="x")
            await publish(bus, b"either", user="u")
            await ear.heard(2)
            assert ear.bodies == [b"both", b"either"]

    @pytest.mark.parametrize(
        ("pattern", "taken", "not_taken"),
        [
            ("#", ["", "a", "a.b.c"], []),
            ("a.*", ["a.b", "a."], ["a", "a.b.c", "b.a"]),
            ("a.#", ["a", "a.b", "a.b.c"], ["b", "b.a"]),
            ("#.c", ["c", "a.c", "a.b.c"], ["c.a", "cc"]),
            ("*.b.#", ["a.b", "a.b.c.d"], ["b", "b.a"]),
            ("a.#.d", ["a.d", "a.b.d", "a.b.c.d"], ["a", "d", "a.b"]),
        ],
    )
    @pytest_twisted.ensureDeferred
    async def test_a_topic_exchange_matches_words(self, rig, pattern, taken, not_taken):
        async with running(rig, Binding(TOPIC.name, pattern)) as (bus, ear):
            for key in [*not_taken, *taken]:
                await publish(bus, key.encode(), key, TOPIC.name)
            await ear.heard(len(taken))
            assert [delivery.key for delivery in ear.deliveries] == taken

    @pytest_twisted.ensureDeferred
    async def test_fanout_gives_everything_and_direct_gives_equal_keys(self, rig):
        async with running(rig, Binding(FANOUT.name), Binding(DIRECT.name, "a")) as (bus, ear):
            await publish(bus, b"1", "whatever", FANOUT.name)
            await publish(bus, b"2", "b", DIRECT.name)
            await publish(bus, b"3", "a", DIRECT.name)
            await ear.heard(2)
            assert ear.bodies == [b"1", b"3"]

    @pytest_twisted.ensureDeferred
    async def test_a_message_that_several_bindings_match_is_delivered_once(self, rig):
        bindings = (ALL, Binding(HEADERS.name, arguments=(("a", 1),)))
        async with running(rig, *bindings) as (bus, ear):
            await publish(bus, b"1", a=1)
            await publish(bus, b"2")
            await ear.heard(2)
            assert ear.bodies == [b"1", b"2"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"text": "é\N{GRINNING FACE}", "yes": True, "no": False, "none": None},
            {"small": -1, "large": 2**40, "negative": -(2**40), "number": 0.5},
            {"raw": b"\xff\x00", "list": ["a", 1, None, {"b": [True]}], "map": {"c": {"d": "e"}}},
            {"é" * 100: "a long name"},
        ],
        ids=["words", "numbers", "nests", "names"],
    )
    @pytest_twisted.ensureDeferred
    async def test_headers_are_delivered_unchanged(self, rig, headers):
        async with running(rig, ALL) as (bus, ear):
            await publish(bus, b"", **headers)
            await ear.heard(1)
            assert ear.deliveries[0].headers == headers
            assert {name: type(value) for name, value in ear.deliveries[0].headers.items()} == {
                name: type(value) for name, value in headers.items()
            }

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            bytes(range(256)),
            "é".encode() * 100_000,
            b"." + "é\N{GRINNING FACE}".encode() * 100_000,
            bytes(range(256)) * 4096,
            b"x" * 131_064,
            b"x" * 131_065,
        ],
        ids=["empty", "json", "binary", "utf8", "shifted_utf8", "megabyte", "one_frame", "one_more"],
    )
    @pytest_twisted.ensureDeferred
    async def test_any_body_is_delivered_unchanged(self, rig, body):
        async with running(rig, ALL) as (bus, ear):
            await publish(bus, body)
            await publish(bus, b"after")
            await ear.heard(2)
            assert ear.bodies == [body, b"after"]

    @pytest_twisted.ensureDeferred
    async def test_messages_keep_their_order_when_published_without_waiting(self, rig):
        async with running(rig, ALL) as (bus, ear):
            bodies = [str(number).encode() for number in range(3000)]
            await gatherResults([bus.publish(HEADERS.name, "", {}, body) for body in bodies])
            await ear.heard(3000)
            assert ear.bodies == bodies

    @pytest_twisted.ensureDeferred
    async def test_each_message_is_delivered_or_reported_as_lost_and_the_publisher_never_blocks(self, rig):
        async with running(rig, ALL) as (bus, ear):
            await publish(bus, b"before")
            await ear.heard(1)
            rig.stall(bus)
            bodies = [b"%3d" % number + bytes(60_000) for number in range(200)]
            await gatherResults([bus.publish(HEADERS.name, "", {}, body) for body in bodies])
            rig.resume(bus)
            await ear.until(lambda: ear.gaps or len(ear.deliveries) == 1 + len(bodies))
            await publish(bus, b"after")
            await ear.until(lambda: ear.bodies[-1] == b"after")
            came = ear.bodies[1:-1]
            assert came == bodies[: len(came)], "a loss is reported before any later message"
            assert len(ear.gaps) == (len(came) < len(bodies)), "once, and only if something was"
            assert ear.states == ["up"]

    @pytest_twisted.ensureDeferred
    async def test_nothing_is_lost_when_messages_are_consumed_at_once(self, rig):
        async with running(rig, ALL) as (bus, ear):
            for number in range(40):
                await publish(bus, bytes(100_000))
                await ear.heard(number + 1)
            assert ear.gaps == []

    @pytest_twisted.ensureDeferred
    async def test_nothing_is_delivered_within_publish(self, rig):
        async with running(rig, ALL) as (bus, ear):
            published = bus.publish(HEADERS.name, "", {}, b"1")
            assert not ear.deliveries
            await published
            await ear.heard(1)

    @pytest_twisted.ensureDeferred
    async def test_a_binding_is_active_when_bind_fires_and_removed_when_unbind_fires(self, rig):
        binding = Binding(TOPIC.name, "a.#")
        async with running(rig, ALL) as (bus, ear):
            await publish(bus, b"before", "a.b", TOPIC.name)
            await bus.bind(binding)
            await publish(bus, b"between", "a.b", TOPIC.name)
            await bus.unbind(binding)
            await publish(bus, b"after", "a.b", TOPIC.name)
            await publish(bus, b"last")
            await ear.heard(2)
            assert ear.bodies == [b"between", b"last"]

    @pytest_twisted.ensureDeferred
    async def test_a_binding_to_an_unknown_exchange_fails_without_effect_on_others(self, rig):
        async with running(rig, ALL) as (bus, ear):
            with pytest.raises(BusError, match="contract-missing"):
                await bus.bind(Binding("contract-missing"))
            await bus.bind(Binding(FANOUT.name))
            await publish(bus, b"1")
            await publish(bus, b"2", exchange=FANOUT.name)
            await ear.heard(2)
            assert ear.states == ["up"]

    @pytest_twisted.ensureDeferred
    async def test_publishing_to_an_unknown_exchange_fails_and_the_next_message_succeeds(self, rig):
        async with running(rig, ALL) as (bus, ear):
            with pytest.raises(BusError, match="contract-missing"):
                await publish(bus, b"1", exchange="contract-missing")
            await publish(bus, b"2")
            await ear.heard(1)
            assert ear.bodies == [b"2"]
            assert ear.states == ["up"]

    @pytest_twisted.ensureDeferred
    async def test_an_exception_of_the_listener_is_logged_and_the_next_message_is_delivered(
        self, rig, errors
    ):
        def react(delivery):
            raise ZeroDivisionError

        async with running(rig, ALL, ear=Ear(react)) as (bus, ear):
            await publish(bus, b"1")
            await publish(bus, b"2")
            await ear.heard(2)
            assert ear.states == ["up"]
        assert len(errors.flush(ZeroDivisionError)) == 2

    @pytest_twisted.ensureDeferred
    async def test_loss_and_return_are_reported_once_and_all_bindings_are_restored(self, rig):
        async with running(rig, ALL) as (bus, ear):
            await bus.bind(Binding(FANOUT.name))
            await rig.drop()
            await ear.downs()
            assert not bus.up
            with pytest.raises(BusError):
                await publish(bus, b"lost")
            meanwhile = bus.bind(Binding(TOPIC.name, "#"))
            await bus.unbind(Binding(FANOUT.name))
            assert not meanwhile.called
            await rig.restore()
            await ear.ups(2)
            await meanwhile
            assert bus.up
            await publish(bus, b"unbound", exchange=FANOUT.name)
            await publish(bus, b"1")
            await publish(bus, b"2", "a", TOPIC.name)
            await ear.heard(2)
            assert ear.bodies == [b"1", b"2"]
            assert [state[:4] for state in ear.states] == ["up", "down", "up"]

    @pytest_twisted.ensureDeferred
    async def test_stopping_while_down_fails_pending_calls(self, rig):
        async with running(rig, ALL) as (bus, ear):
            await rig.drop()
            await ear.downs()
            waiting = bus.bind(Binding(FANOUT.name))
            never = bus.bind(Binding(DIRECT.name))
            await bus.unbind(Binding(DIRECT.name))
            with pytest.raises(BusError):
                await never
            stopped = maybeDeferred(bus.stopService)
            with pytest.raises(BusError):
                await waiting
            await stopped
            with pytest.raises(BusError):
                await bus.bind(Binding(FANOUT.name))
        await rig.restore()
        assert ear.states.count("up") == 1

    @pytest_twisted.ensureDeferred
    async def test_nothing_is_delivered_after_a_stop(self, rig):
        async with running(rig, ALL) as (bus, ear), running(rig, ALL) as (other, witness):
            await publish(bus, b"1")
            await ear.heard(1)
            await maybeDeferred(bus.stopService)
            with pytest.raises(BusError):
                await publish(bus, b"2")
            await publish(other, b"3")
            await witness.until(lambda: b"3" in witness.bodies)
            assert ear.bodies == [b"1"]
            assert ear.states == ["up"]

    @pytest_twisted.ensureDeferred
    async def test_a_listener_may_stop_the_bus_from_within(self, rig):
        bus, stopped = rig.bus(), []
        ear = Ear(lambda delivery: stopped.append(maybeDeferred(bus.stopService)))
        bus.attach(ear, EXCHANGES, [ALL])
        bus.startService()
        await ear.ups(1)
        published = [bus.publish(HEADERS.name, "", {}, b"%d" % number) for number in range(20)]
        for one in published:  # those after the stop may fail
            one.addErrback(lambda failure: failure.trap(BusError) and None)
        await ear.heard(1)
        await gatherResults(stopped)
        assert ear.bodies == [b"0"]

    @pytest_twisted.ensureDeferred
    async def test_it_can_be_stopped_at_once_and_started_again(self, rig):
        bus, ear = rig.bus(), Ear()
        bus.attach(ear, EXCHANGES, [ALL])
        bus.startService()
        await maybeDeferred(bus.stopService)
        assert not ear.states
        bus.startService()
        await ear.ups(1)
        await publish(bus, b"1")
        await ear.heard(1)
        await maybeDeferred(bus.stopService)
