"""A peer's queue: order, one write a turn, its bound."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from wsevents.outbound import Flusher, Outbound


class Transport:
    def __init__(self):
        self.writes = []

    def write(self, data):
        self.writes.append(data)


def make(cap=100):
    clock, transport, overflows = Clock(), Transport(), []
    outbound = Outbound(transport, Flusher(clock), cap, lambda: overflows.append(1))
    return clock, transport, outbound, overflows


def test_everything_of_one_turn_is_one_write_in_order():
    clock, transport, outbound, _ = make()
    outbound.put(b"a")
    outbound.insist(b"b")
    outbound.put(b"c")
    assert transport.writes == []
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(0)
    assert transport.writes == [b"abc"]
    assert not clock.getDelayedCalls()


def test_a_full_transport_is_waited_for():
    clock, transport, outbound, _ = make()
    assert verifyObject(IPushProducer, outbound)
    outbound.pauseProducing()
    outbound.put(b"a")
    clock.advance(0)
    outbound.put(b"b")
    clock.advance(0)
    assert transport.writes == []
    outbound.resumeProducing()
    assert transport.writes == [b"ab"]


def test_a_queue_over_its_cap_refuses_what_comes_and_says_so_once_a_turn():
    clock, transport, outbound, overflows = make(cap=10)
    outbound.pauseProducing()
    assert outbound.put(b"x" * 50), "one larger piece fits into an empty queue"
    assert not outbound.put(b"y")
    assert not outbound.put(b"z")
    assert overflows == []
    clock.advance(0)
    assert overflows == [1]
    outbound.insist(b"close")
    outbound.resumeProducing()
    assert transport.writes == [b"x" * 50 + b"close"]
    assert outbound.peak == 55


def test_what_is_discarded_is_not_sent():
    clock, transport, outbound, _ = make()
    outbound.put(b"a")
    outbound.discard()
    outbound.insist(b"b")
    clock.advance(0)
    assert transport.writes == [b"b"]


def test_one_broken_transport_does_not_keep_the_others_waiting(errors):
    clock, good = Clock(), Transport()
    flusher = Flusher(clock)
    broken = Outbound(None, flusher, 10, lambda: None)
    working = Outbound(good, flusher, 10, lambda: None)
    broken.put(b"a")
    working.put(b"b")
    clock.advance(0)
    assert good.writes == [b"b"]
    assert len(errors.flush(AttributeError)) == 1


steps = st.lists(st.one_of(st.binary(min_size=1, max_size=5), st.sampled_from(["turn", "full", "room"])))


@given(steps)
def test_no_order_of_turns_and_pauses_changes_what_is_sent(steps):
    clock, transport, outbound, _ = make(cap=10**6)
    sent = b""
    for step in steps:
        if isinstance(step, bytes):
            outbound.put(step)
            sent += step
        elif step == "turn":
            clock.advance(0)
        elif step == "full":
            outbound.pauseProducing()
        else:
            outbound.resumeProducing()
    outbound.resumeProducing()
    assert b"".join(transport.writes) == sent
    assert outbound.size == 0
