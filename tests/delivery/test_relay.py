"""From a delivery to frames: errors of one dialect do not affect another."""

import pytest
from attrs import frozen
from twisted.logger import LogLevel, globalLogPublisher

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.events import Binding, Body, Delivery, Dropped, Event, Exchange
from wsevents.delivery.relay import DialectIndex, Relay


class Source:
    """A source that decodes every delivery."""

    bindings = (Binding("x"),)
    exchange = Exchange("x", "topic")

    def __init__(self, name="it"):
        self.name = name

    def decode(self, delivery):
        if delivery.body == b"unfit":
            return Dropped("it is unfit")
        return Event(self.name, "e", Body(delivery.body), None)


@frozen
class Interest:
    shape: str = "s"
    addresses: tuple = ("all",)
    bindings: tuple = ()

    def choose(self, projection):
        return True


@frozen
class Projection:
    event: object
    addresses: tuple = ("all",)


class Dialect:
    """A dialect that sends the body of an event, or raises an exception at a chosen method."""

    policy = ConnectionPolicy()

    def __init__(self, name, source="it", fails=None):
        self.name, self.source, self.fails = name, source, fails

    def project(self, event):
        if self.fails == "project":
            raise ZeroDivisionError("with a token in its text")
        return Projection(event) if event.source == self.source else None

    def encode(self, projection, shape, variant):
        if self.fails == "encode":
            raise ZeroDivisionError("with a token in its text")
        return projection.event.body.raw


class Peer:
    def __init__(self):
        self.frames = []

    def event(self, message):
        self.frames.append(message.plain)


def make(*dialects, sources=None):
    relay = Relay({"x": sources or [Source()]}, [DialectIndex(dialect) for dialect in dialects])
    peers = []
    for dialect in dialects:
        peers.append(Peer())
        relay.subscribe(dialect, peers[-1], frozenset({Interest()}))
    return relay, peers


def deliver(relay, body=b"{}", exchange="x"):
    relay.delivered(Delivery(body, {}, exchange, "", 0.0))


@pytest.fixture
def said():
    """Collects the log messages of level warn and above."""
    texts = []

    def observe(event):
        if event["log_level"] in {LogLevel.warn, LogLevel.error, LogLevel.critical}:
            texts.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


@pytest.mark.parametrize("place", ["project", "encode"])
def test_only_the_peers_of_a_failing_dialect_miss_the_event_and_it_is_logged_once(said, place):
    relay, (broken, sound) = make(Dialect("bad", fails=place), Dialect("good"))
    for _ in range(3):
        deliver(relay)
    assert broken.frames == []
    assert sound.frames == [b"\x81\x02{}"] * 3
    assert relay.stats.dropped.total() == 3
    assert len(said) == 1
    assert "the dialect bad failed: ZeroDivisionError at test_relay.py:" in said[0]
    assert "token" not in said[0]


def test_each_source_of_an_exchange_decodes_a_delivery():
    relay, peers = make(Dialect("a", "one"), Dialect("b", "two"), sources=[Source("one"), Source("two")])
    deliver(relay)
    assert [peer.frames for peer in peers] == [[b"\x81\x02{}"], [b"\x81\x02{}"]]
    assert relay.stats.consumed == 1


def test_drops_are_counted_and_logged_once_per_reason(said):
    relay, (peer,) = make(Dialect("a"))
    for _ in range(3):
        deliver(relay, b"unfit")
        deliver(relay, exchange="unheard of")
    assert peer.frames == []
    assert relay.stats.dropped == {"it is unfit": 3, "no source reads its exchange": 3}
    assert [text.split(":")[1].split("(")[0].strip() for text in said] == [
        "it is unfit",
        "no source reads its exchange",
    ]
