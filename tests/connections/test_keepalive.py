"""Pings, pongs and silence, on a clock of their own."""

import pytest
from twisted.internet.task import Clock

from wsevents.api.close_reasons import IDLE, PING_TIMEOUT
from wsevents.api.effects import ConnectionPolicy
from wsevents.connections.keepalive import Keepalive
from wsevents.connections.timers import Timers


class Peer:
    def __init__(self, wire):
        self.clock, self.pings, self.closings, self.read = Clock(), [], [], True
        self.alarms = Timers(self.clock, self.clock.seconds)
        self.alarms.startService()
        self.keepalive = Keepalive(
            wire, self.alarms, self.pings.append, lambda: self.read, self.closings.append
        )
        self.keepalive.start()


@pytest.fixture
def peer():
    return Peer(ConnectionPolicy(ping_interval=60, pong_deadline=20))


def test_a_peer_that_answers_is_pinged_for_ever(peer):
    for count in range(1, 5):
        peer.clock.advance(60)
        assert len(peer.pings) == count
        peer.keepalive.pong()
    assert peer.closings == []


def test_a_peer_that_does_not_answer_is_closed_at_the_deadline(peer):
    peer.clock.advance(60)
    peer.clock.advance(19.9)
    assert peer.closings == []
    peer.clock.advance(0.2)
    assert peer.closings == [PING_TIMEOUT]


def test_a_peer_that_is_not_read_may_have_answered(peer):
    peer.read = False
    peer.clock.advance(60)
    peer.clock.advance(25)
    assert peer.closings == []
    peer.read = True
    peer.clock.advance(1)
    assert peer.closings == [PING_TIMEOUT]


def test_a_dialect_that_wants_no_pongs_closes_nobody():
    peer = Peer(ConnectionPolicy(ping_interval=10, pong_deadline=0))
    for _ in range(100):
        peer.clock.advance(10)
    assert len(peer.pings) == 100
    assert peer.closings == []


def test_a_peer_that_is_silent_for_too_long_is_closed():
    peer = Peer(ConnectionPolicy(ping_interval=0, pong_deadline=0, idle=100))
    peer.clock.advance(99)
    peer.keepalive.heard()
    peer.clock.advance(99)
    assert peer.closings == []
    peer.clock.advance(1)
    assert peer.closings == [IDLE]
    assert peer.pings == []


def test_once_stopped_it_is_still(peer):
    peer.clock.advance(60)
    peer.keepalive.stop()
    assert not len(peer.alarms._deadlines)
