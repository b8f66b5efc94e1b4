"""The bus on a simulated clock: delays and log lines. tests/integration has the tests with a broker."""

from random import Random

import pytest
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.support.bus_contract import ALL, EXCHANGES
from tests.support.bus_observer import Ear
from wsevents.api.errors import BusError
from wsevents.buses.amqp import AmqpBus
from wsevents.buses.amqp.bus import delays


class Longest(Random):
    def uniform(self, low, high):
        return high


def started(reactor, ear=None, **settings):
    bus = AmqpBus(AmqpBus.settings(**settings), reactor, entropy=Longest())
    bus.attach(ear or Ear(), EXCHANGES, [ALL])
    bus.startService()
    return bus


def refuse(reactor, number, failure=None):
    factory = reactor.tcpClients[number][2]
    factory.clientConnectionFailed(None, Failure(failure or error.ConnectionRefusedError()))


def test_delays_grow_to_32_seconds_with_a_jitter_of_a_quarter():
    waits = delays(Longest())
    assert [next(waits) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 32, 32]
    waits = delays(Random(1))
    for full in 1, 2, 4, 8, 16, 32, 32:
        assert 0.75 * full <= next(waits) <= full


def test_it_retries_with_growing_delays_and_rotates_the_endpoints(log):
    reactor = MemoryReactorClock()
    bus = started(reactor, endpoint=["tcp:10.0.0.1:1", "tcp:10.0.0.2:2"])
    for number, delay in enumerate([1, 2, 4, 8]):
        assert len(reactor.tcpClients) == number + 1
        refuse(reactor, number)
        reactor.advance(delay - 0.01)
        assert len(reactor.tcpClients) == number + 1
        reactor.advance(0.02)
    assert [client[1] for client in reactor.tcpClients] == [1, 2, 1, 2, 1]
    why = "connection refused (start the broker, or correct bus.endpoint)"
    assert log.of("the bus is down")[:2] == [
        f"the bus is down: tcp:10.0.0.1:1: {why}; retrying in 1.0 s",
        f"the bus is down: tcp:10.0.0.2:2: {why}; retrying in 2.0 s",
    ]
    bus.stopService()
    assert not reactor.getDelayedCalls()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (error.DNSLookupError(), "unknown host"),
        (error.TimeoutError(), "no answer"),
        (RuntimeError("odd\nthing"), "odd thing"),
    ],
)
def test_every_connection_error_is_one_log_line(log, failure, words):
    reactor = MemoryReactorClock()
    bus = started(reactor, endpoint="tcp:10.0.0.1:1")
    refuse(reactor, 0, failure)
    (line,) = log.of("the bus is down")
    assert words in line
    assert "\n" not in line
    bus.stopService()


def test_stop_fails_pending_calls_and_leaves_no_timer():
    reactor = MemoryReactorClock()
    bus = started(reactor, endpoint="tcp:10.0.0.1:1")
    failures = []
    bus.bind(ALL).addErrback(failures.append)
    bus.publish("x", "", {}, b"").addErrback(failures.append)
    done = []
    bus.stopService().addCallback(done.append)
    assert done == [None]
    assert [failure.check(BusError) for failure in failures] == [BusError, BusError]
    assert not reactor.getDelayedCalls()
    assert not any(failure.check(CancelledError) for failure in failures)


def test_publish_tries_every_endpoint_once_and_reports_each_error():
    reactor = MemoryReactorClock()
    bus = AmqpBus(AmqpBus.settings(endpoint=["tcp:10.0.0.1:1", "tcp:10.0.0.2:2"]), reactor)
    failures = []
    for _ in range(3):
        bus.publish("x", "", {}, b"").addErrback(failures.append)
    refuse(reactor, 0)
    refuse(reactor, 1)
    assert len(reactor.tcpClients) == 2, "they share the attempt"
    assert len(failures) == 3
    assert "tcp:10.0.0.1:1: connection refused" in failures[0].getErrorMessage()
    assert "tcp:10.0.0.2:2: connection refused" in failures[0].getErrorMessage()
    bus.stopService()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"endpoint": []}, "endpoint string"),
        ({"endpoint": ["tcp:a:1", ""]}, "endpoint string"),
        ({"endpoint": "ssl:localhost:5671"}, "use tls:host:port"),
        ({"endpoint": ["tcp:a:1", "nonsense:1"]}, "not a usable endpoint"),
        ({"endpoint": "tls:h:1:trustRoots=/does/not/exist"}, "not a folder"),
        ({"heartbeat": 0}, "from 1 to 65535"),
        ({"prefetch": 65536}, "from 1 to 65535"),
        ({"queue_bytes": 1_048_575}, "from 1048576 to"),
        ({"queue_bytes": 2**40 + 1}, "to 1099511627776"),
    ],
)
def test_invalid_settings_are_rejected(settings, words):
    with pytest.raises(ValueError, match=words):
        AmqpBus.settings(**settings)


def test_the_password_is_not_shown():
    assert "hush" not in repr(AmqpBus.settings(password="hush"))


def test_each_failed_attempt_is_reported_to_the_listener():
    reactor, ear = MemoryReactorClock(), Ear()
    bus = started(reactor, ear)
    for number in range(3):
        refuse(reactor, number)
        assert ear.story == ["bus_failed"] * (number + 1)
        reactor.advance(10)
    bus.stopService()
