"""Pings, pongs and the idle timeout, on a test clock."""

import pytest
from twisted.internet.task import Clock

from wsevents.api.close_reasons import IDLE, PING_TIMEOUT
from wsevents.api.effects import ConnectionPolicy
from wsevents.connections.keepalive import Keepalive
from wsevents.connections.timers import Timers


class Peer:
    def __init__(self, policy):
        self.clock, self.pings, self.closings, self.read = Clock(), [], [], True
        self.timers = Timers(self.clock, self.clock.seconds)
        self.timers.startService()
        self.keepalive = Keepalive(
            policy, self.timers, self.pings.append, lambda: self.read, self.closings.append
        )
        self.keepalive.start()


@pytest.fixture
def peer():
    return Peer(ConnectionPolicy(ping_interval=60, pong_deadline=20))


def test_a_peer_that_answers_is_pinged_repeatedly(peer):
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


def test_a_peer_that_is_not_read_is_not_closed(peer):
    peer.read = False
    peer.clock.advance(60)
    peer.clock.advance(25)
    assert peer.closings == []
    peer.read = True
    peer.clock.advance(1)
    assert peer.closings == [PING_TIMEOUT]


def test_without_a_pong_deadline_no_peer_is_closed():
    peer = Peer(ConnectionPolicy(ping_interval=10, pong_deadline=0))
    for _ in range(100):
        peer.clock.advance(10)
    assert len(peer.pings) == 100
    assert peer.closings == []


def test_an_idle_peer_is_closed():
    peer = Peer(ConnectionPolicy(ping_interval=0, pong_deadline=0, idle=100))
    peer.clock.advance(99)
    peer.keepalive.received()
    peer.clock.advance(99)
    assert peer.closings == []
    peer.clock.advance(1)
    assert peer.closings == [IDLE]
    assert peer.pings == []


def test_once_stopped_it_has_no_timers(peer):
    peer.clock.advance(60)
    peer.keepalive.stop()
    assert not len(peer.timers._deadlines)
