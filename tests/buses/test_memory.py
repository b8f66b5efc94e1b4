"""The memory bus: the contract of all buses, and its own behaviour."""

import pytest
import pytest_twisted
from twisted.internet.task import Clock
from zope.interface.verify import verifyClass

from tests.support.bus_contract import ALL, EXCHANGES, HEADERS, BusContract
from tests.support.bus_observer import Ear
from wsevents.api.errors import BusError
from wsevents.api.events import Binding
from wsevents.api.interfaces import IBus
from wsevents.buses.memory import MemoryBus, MemorySettings


class Rig:
    """Buses for the contract. Each memory bus is separate, unlike several processes at one broker."""

    def __init__(self):
        self._buses = []

    def now(self):
        return 1234.5

    def bus(self):
        from twisted.internet import reactor

        bus = MemoryBus(MemorySettings(), reactor, self.now)
        self._buses.append(bus)
        return bus

    def stall(self, bus):
        """Do nothing: a memory bus cannot stall while its publishers run."""

    resume = stall

    async def drop(self):
        for bus in self._buses:
            bus.drop("dropped by the test")

    async def restore(self):
        for bus in self._buses:
            bus.restore()


@pytest.fixture
def rig():
    return Rig()


class TestMemoryBus(BusContract):
    pass


def test_the_class_implements_the_interface():
    assert verifyClass(IBus, MemoryBus)
    assert isinstance(MemoryBus.create(MemorySettings(), Clock()), MemoryBus)
    assert MemoryBus.settings is MemorySettings


def started(clock):
    bus, ear = MemoryBus(MemorySettings(), clock, clock.seconds), Ear()
    bus.attach(ear, EXCHANGES, [ALL])
    bus.startService()
    return bus, ear


@pytest_twisted.ensureDeferred
async def test_every_call_of_the_listener_is_in_the_next_turn():
    clock = Clock()
    bus, ear = started(clock)
    assert ear.story == []
    clock.advance(0)
    assert ear.story == ["bus_back"]
    await bus.publish(HEADERS.name, "", {}, b"1")
    assert ear.story == ["bus_back"]
    clock.advance(0)
    assert ear.story == ["bus_back", "delivered"]
    bus.stopService()
    assert not clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_publication_by_the_listener_is_delivered_in_a_later_turn():
    clock, seen = Clock(), []

    def react(delivery):
        if len(ear.deliveries) < 3:
            bus.publish(HEADERS.name, "", {}, b"again")
        seen.append(len(ear.deliveries))

    bus, ear = started(clock)
    ear._react = react
    clock.advance(0)
    await bus.publish(HEADERS.name, "", {}, b"1")
    clock.advance(0)
    assert seen == [1, 2, 3]
    bus.stopService()


@pytest_twisted.ensureDeferred
async def test_pending_messages_are_lost_when_the_bus_is_dropped_or_stopped():
    clock = Clock()
    bus, ear = started(clock)
    clock.advance(0)
    await bus.publish(HEADERS.name, "", {}, b"1")
    bus.drop("out of order")
    with pytest.raises(BusError, match="out of order"):
        await bus.publish(HEADERS.name, "", {}, b"2")
    bus.restore()
    clock.advance(0)
    await bus.publish(HEADERS.name, "", {}, b"3")
    bus.stopService()
    clock.advance(0)
    assert ear.deliveries == []
    assert ear.states == ["up", "down: out of order", "up"]
    assert not clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_bus_that_is_down_at_start_goes_up_when_restored():
    clock = Clock()
    bus, ear = started(clock)
    bus.drop("not yet")
    clock.advance(0)
    waiting = bus.bind(Binding(HEADERS.name, arguments=(("a", 1),)))
    assert ear.states == []
    bus.restore()
    clock.advance(0)
    await waiting
    assert ear.states == ["up"]
    bus.stopService()
