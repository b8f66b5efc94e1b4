"""What a consumer calls, and in which order, when the broker tells of a gap; in memory."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from txamqp.content import Content

from tests.support.amqp_peer import connected, delivery, let_in, said, say
from wsevents.buses.amqp.client import GAPS, MAIN
from wsevents.buses.amqp.consumer import Consumer


class Rig:
    """A consumer that has begun to consume.

    Attributes:
        heard: bodies, and "lost", in order.
    """

    def __init__(self):
        self.client = connected(Clock())
        let_in(self.client)
        self.heard = []
        self.consumer = Consumer(self.client, "q", 1_048_576)
        self.begun = Deferred.fromCoroutine(
            self.consumer.consume(
                lambda one: self.heard.append(one.body), lambda: self.heard.append("lost"), 50
            )
        )
        self.answer("channel", "open-ok", "")
        self.answer("basic", "qos-ok")
        said(self.client)
        self.answer("basic", "consume-ok", GAPS)

    def answer(self, klass, name, *args):
        say(self.client, klass, name, *args, channel=MAIN)

    def go_on(self):
        """Let it consume events; return what it calls for that."""
        self.answer("basic", "qos-ok")
        calls = said(self.client)
        self.answer("basic", "consume-ok", "1")
        assert self.begun.called
        return calls

    def deliver(self, number, consumer, body=b""):
        self.client.dataReceived(delivery(number, Content(body), consumer=consumer))


def acknowledged(number):
    return ("basic.ack", (number, True))


def consumes(tag, queue="q"):
    return ("basic.consume", (0, queue, tag, False, False, False, False, {}))


FRESH = [
    ("basic.cancel", ("1", False)),
    ("queue.purge", (0, "q", False)),
    ("queue.purge", (0, "q.gaps", False)),
    consumes("2"),
]


def test_gaps_are_consumed_one_at_a_time_and_before_the_events():
    rig = Rig()
    assert said(rig.client) == [("basic.qos", (0, 50, False))]
    assert rig.go_on() == [consumes("1")]


def test_at_a_gap_everything_that_waits_is_discarded_before_more_may_come_and_then_it_is_told():
    rig = Rig()
    rig.go_on()
    said(rig.client)
    rig.deliver(1, "1", b"before")
    assert said(rig.client) == [acknowledged(1)]
    rig.deliver(2, GAPS, b"dropped")
    assert said(rig.client) == [*FRESH, acknowledged(2)]
    rig.answer("basic", "cancel-ok", "1")
    rig.answer("queue", "purge-ok", 17)
    rig.deliver(3, "1", b"under way")
    rig.answer("queue", "purge-ok", 1)
    assert rig.heard == [b"before"]
    rig.answer("basic", "consume-ok", "2")
    rig.deliver(4, "1", b"still under way")
    rig.deliver(5, "2", b"after")
    assert rig.heard == [b"before", "lost", b"after"]
    assert said(rig.client) == [acknowledged(3), acknowledged(4), acknowledged(5)]


def test_each_gap_is_told():
    rig = Rig()
    rig.go_on()
    for number in 1, 2, 3:
        rig.deliver(number, GAPS)
        rig.answer("basic", "cancel-ok", str(number))
        rig.answer("queue", "purge-ok", 0)
        rig.answer("queue", "purge-ok", 0)
        rig.answer("basic", "consume-ok", str(number + 1))
    assert rig.heard == ["lost"] * 3


def test_what_was_dropped_before_anything_was_consumed_is_nobodys():
    rig = Rig()
    said(rig.client)
    rig.deliver(1, GAPS)
    assert said(rig.client) == [acknowledged(1)]
    assert rig.go_on() == [consumes("1")]
    rig.deliver(2, "1", b"first")
    assert rig.heard == [b"first"]


def test_a_gap_is_not_told_when_the_connection_ends_which_is():
    rig = Rig()
    rig.go_on()
    rig.deliver(1, GAPS)
    rig.answer("basic", "cancel-ok", "1")
    say(rig.client, "connection", "close", 320, "CONNECTION_FORCED - bye", 0, 0)
    assert rig.heard == []
    assert rig.client.why is not None
