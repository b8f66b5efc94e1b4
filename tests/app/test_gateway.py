"""The gateway between the bus and the peers: who is told when events were lost, and how it takes leave."""

from types import SimpleNamespace

import pytest

from tests.support.world import World
from wsevents.api.settings import Drain
from wsevents.app.gateway import ABORT_SECONDS, GOODBYE_SECONDS, HURRY_SECONDS, Gateway
from wsevents.app.health import Health

LOST = (1011, "events were lost", True)
WHY = "the bus says so"


def gateway(world):
    return Gateway(world.clock, [], world.gateway_state, world.factory._policy, world.relay, [])


def test_a_gap_closes_every_peer_with_its_reason_and_newcomers_are_served():
    world = World()
    clients = [world.client() for _ in range(3)]
    gateway(world).events_lost(WHY)
    world.run()
    assert [client.closed for client in clients] == [LOST] * 3
    assert world.is_empty()
    newcomer = world.client()
    assert newcomer.closed is None
    assert newcomer.heard


def test_what_a_peer_was_sent_before_a_gap_still_arrives():
    world = World()
    client = world.client()
    for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
        world.say(client, text)
    world.publish(body=b'{"before": true}')
    gateway(world).events_lost(WHY)
    world.publish(body=b'{"after": true}')
    assert client.heard[3:] == ['{"before": true}']
    assert client.closed == LOST


def test_gaps_in_a_row_are_counted_told_to_each_peer_once_and_logged_once_in_ten_seconds(log):
    world = World()
    one = gateway(world)
    client = world.client()
    for _ in range(5):
        one.events_lost(WHY)
    world.run()
    assert client.closed == LOST
    assert len(log.of("session over")) == 1
    world.run(9.0)
    late = world.client()
    one.events_lost(WHY)
    world.run()
    assert late.closed == LOST, "told at once, whatever is logged"
    world.run(1.0)
    one.events_lost(WHY)
    assert log.of("events were lost,") == [
        f"events were lost, 1 peers are told: {WHY} (gaps since last told: 1)",
        f"events were lost, 0 peers are told: {WHY} (gaps since last told: 6)",
    ]
    world.relay.log_totals()
    assert "7 gaps" in log.of("totals:")[0]


def test_a_peer_whose_session_has_not_begun_is_not_concerned_by_a_gap():
    world = World()
    visitor = world.raw(b"GET /?token=T HTTP/1.1\r\n")
    gateway(world).events_lost(WHY)
    world.run()
    assert not visitor.lost


# -- how it is ------------------------------------------------------------------------------------


def test_its_condition_is_who_is_here_and_how_the_bus_is():
    world = World()
    one = gateway(world)
    assert one.health() == Health(0, False, "it was not tried yet")
    one.bus_failed("nobody is there")
    assert one.health() == Health(0, True, "nobody is there")
    one.bus_back()
    world.client()
    assert one.health() == Health(1, True, "")
    one.bus_lost("it was stopped")
    assert one.health().why == "it was stopped"


def test_a_bus_that_never_came_up_is_no_news_for_sessions():
    world = World()
    client = world.client()
    gateway(world).bus_failed("nobody is there")
    world.run()
    assert client.closed is None


# -- how it takes leave ---------------------------------------------------------------------------

GOING = (1001, "", True)


class Leave:
    """A gateway with so many peers that is being stopped, and how long it has over that."""

    def __init__(self, peers, seconds):
        self.world = World()
        self.world.gateway_state.drain = Drain(seconds=seconds)
        self.clients = [self.world.client() for _ in range(peers)]
        for client in self.clients:
            for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
                self.world.say(client, text)
        self.gateway = gateway(self.world)

    def begin(self):
        self.over = self.gateway.stopService()
        self.world.run()
        return self

    @property
    def gone(self):
        """How many were told to go."""
        assert {client.closed for client in self.clients} <= {None, GOING}
        return sum(client.closed is not None for client in self.clients)

    def after(self, seconds):
        self.world.run(seconds)
        return self.gone


def test_peers_go_evenly_over_the_time_and_then_it_is_over():
    leave = Leave(4, 8.0).begin()
    assert [leave.gone, *(leave.after(1.0) for _ in range(6))] == [1, 1, 2, 2, 3, 3, 4]
    assert leave.over.called
    assert leave.world.is_empty()


def test_who_is_alone_is_told_at_once():
    leave = Leave(1, 3600.0).begin()
    assert leave.gone == 1
    assert leave.over.called


@pytest.mark.parametrize("peers", [0, 3])
def test_without_a_drain_all_go_at_once(peers):
    leave = Leave(peers, 0.0).begin()
    assert leave.gone == peers
    assert leave.over.called


def test_many_go_in_steps_and_in_the_time():
    leave = Leave(60, 1.0).begin()
    counts = [leave.gone, *(leave.after(0.05) for _ in range(20))]
    assert all(abs(count - 3 * step) <= 4 for step, count in enumerate(counts))
    assert counts[-1] == 60


def test_events_are_heard_until_it_is_ones_turn():
    leave = Leave(2, 10.0).begin()
    leave.world.publish(body=b'{"during": true}')
    heard = sorted(client.heard[3:] for client in leave.clients)
    assert heard == [[], ['{"during": true}']]
    assert leave.after(5.0) == 2


def test_it_is_over_when_the_last_has_left_by_itself():
    leave = Leave(3, 3600.0).begin()
    for client in leave.clients:
        if client.closed is None:
            client.sendClose(1000)
    leave.world.run()
    assert leave.over.called
    assert leave.world.is_empty()


def test_a_hurry_ends_the_drain():
    leave = Leave(5, 3600.0).begin()
    assert leave.gone == 1
    leave.gateway.hurry()
    leave.world.run()
    assert leave.gone == 5
    assert leave.over.called


def test_who_comes_late_and_who_shakes_hands_is_sent_away():
    world = World()
    world.gateway_state.drain = Drain(seconds=3600.0)
    for _ in range(2):
        world.client()
    visitor = world.raw(b"GET /?token=T HTTP/1.1\r\n")
    one = gateway(world)
    over = one.stopService()
    world.run()
    assert visitor.lost
    assert not over.called
    assert world.client().closed == GOING
    one.hurry()
    world.run()
    assert over.called


def test_who_reads_slowly_has_until_the_end_of_the_drain():
    leave = Leave(1, 30.0)
    (peer,) = leave.world.gateway_state.registry
    taken = iter(range(1000))
    peer.outbound.writer = SimpleNamespace(write=peer.transport.write, taken=lambda: next(taken))
    peer.outbound.pauseProducing()
    leave.world.publish(body=b'{"before": true}')
    leave.begin()
    assert [leave.after(1.0) for _ in range(25)] == [0] * 25
    peer.outbound.resumeProducing()
    assert leave.after(0.0) == 1
    assert leave.clients[0].heard[3:] == ['{"before": true}']
    assert leave.over.called


@pytest.mark.parametrize(("hurry", "seconds"), [(False, GOODBYE_SECONDS), (True, HURRY_SECONDS)])
def test_who_does_not_answer_is_aborted_sooner_in_a_hurry(hurry, seconds):
    leave = Leave(1, 0.0)
    leave.clients[0].dataReceived = lambda data: None
    leave.begin()
    if hurry:
        leave.gateway.hurry()
    leave.world.run(seconds - 0.1)
    assert not leave.over.called
    leave.world.run(0.2)
    leave.world.run(ABORT_SECONDS)
    assert leave.over.called
    assert leave.world.is_empty()
