"""The calls of a consumer, and their order, at a gap; in memory."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from txamqp.content import Content

from tests.support.amqp_peer import connected, delivery, let_in, said, say
from wsevents.buses.amqp.client import GAPS, MAIN
from wsevents.buses.amqp.consumer import Consumer


class Rig:
    """A consumer that has started to consume.

    Attributes:
        received: bodies, and "lost", in order.
    """

    def __init__(self):
        self.client = connected(Clock())
        let_in(self.client)
        self.received = []
        self.consumer = Consumer(self.client, "q", 1_048_576)
        self.started = Deferred.fromCoroutine(
            self.consumer.consume(
                lambda one: self.received.append(one.body), lambda: self.received.append("lost"), 50
            )
        )
        self.answer("channel", "open-ok", "")
        self.answer("basic", "qos-ok")
        said(self.client)
        self.answer("basic", "consume-ok", GAPS)

    def answer(self, klass, name, *args):
        say(self.client, klass, name, *args, channel=MAIN)

    def finish_start(self):
        """Complete the start, and return the calls for it."""
        self.answer("basic", "qos-ok")
        calls = said(self.client)
        self.answer("basic", "consume-ok", "1")
        assert self.started.called
        return calls

    def deliver(self, number, consumer, body=b""):
        self.client.dataReceived(delivery(number, Content(body), consumer=consumer))


def acknowledged(number):
    return ("basic.ack", (number, True))


def consumes(tag, queue="q"):
    return ("basic.consume", (0, queue, tag, False, False, False, False, {}))


DISCARD_CALLS = [
    ("basic.cancel", ("1", False)),
    ("queue.purge", (0, "q", False)),
    ("queue.purge", (0, "q.gaps", False)),
    consumes("2"),
]


def test_gaps_are_consumed_one_at_a_time_and_before_the_events():
    rig = Rig()
    assert said(rig.client) == [("basic.qos", (0, 50, False))]
    assert rig.finish_start() == [consumes("1")]


def test_a_gap_discards_all_waiting_events_and_is_then_reported():
    rig = Rig()
    rig.finish_start()
    said(rig.client)
    rig.deliver(1, "1", b"before")
    assert said(rig.client) == [acknowledged(1)]
    rig.deliver(2, GAPS, b"dropped")
    assert said(rig.client) == [*DISCARD_CALLS, acknowledged(2)]
    rig.answer("basic", "cancel-ok", "1")
    rig.answer("queue", "purge-ok", 17)
    rig.deliver(3, "1", b"under way")
    rig.answer("queue", "purge-ok", 1)
    assert rig.received == [b"before"]
    rig.answer("basic", "consume-ok", "2")
    rig.deliver(4, "1", b"still under way")
    rig.deliver(5, "2", b"after")
    assert rig.received == [b"before", "lost", b"after"]
    assert said(rig.client) == [acknowledged(3), acknowledged(4), acknowledged(5)]


def test_each_gap_is_reported():
    rig = Rig()
    rig.finish_start()
    for number in 1, 2, 3:
        rig.deliver(number, GAPS)
        rig.answer("basic", "cancel-ok", str(number))
        rig.answer("queue", "purge-ok", 0)
        rig.answer("queue", "purge-ok", 0)
        rig.answer("basic", "consume-ok", str(number + 1))
    assert rig.received == ["lost"] * 3


def test_a_gap_before_the_first_event_is_not_reported():
    rig = Rig()
    said(rig.client)
    rig.deliver(1, GAPS)
    assert said(rig.client) == [acknowledged(1)]
    assert rig.finish_start() == [consumes("1")]
    rig.deliver(2, "1", b"first")
    assert rig.received == [b"first"]


def test_a_gap_is_not_reported_if_the_connection_ends():
    rig = Rig()
    rig.finish_start()
    rig.deliver(1, GAPS)
    rig.answer("basic", "cancel-ok", "1")
    say(rig.client, "connection", "close", 320, "CONNECTION_FORCED - bye", 0, 0)
    assert rig.received == []
    assert rig.client.why is not None
