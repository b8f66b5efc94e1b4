"""The gateway between the bus and the peers: lost events, the state of the bus, and the shutdown."""

from types import SimpleNamespace

import pytest

from tests.support.world import World
from wsevents.api.settings import Drain
from wsevents.app.gateway import ABORT_SECONDS, CLOSE_SECONDS, FAST_CLOSE_SECONDS, Gateway
from wsevents.app.health import Health

LOST = (1011, "events were lost", True)
WHY = "the bus says so"


def gateway(world):
    return Gateway(world.clock, [], world.gateway_state, world.factory._policy, world.relay, [])


def test_a_gap_closes_every_peer_and_new_clients_are_served():
    world = World()
    clients = [world.client() for _ in range(3)]
    gateway(world).events_lost(WHY)
    world.run()
    assert [client.closed for client in clients] == [LOST] * 3
    assert world.is_empty()
    newcomer = world.client()
    assert newcomer.closed is None
    assert newcomer.heard


def test_events_sent_before_a_gap_still_arrive():
    world = World()
    client = world.client()
    for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
        world.say(client, text)
    world.publish(body=b'{"before": true}')
    gateway(world).events_lost(WHY)
    world.publish(body=b'{"after": true}')
    assert client.heard[3:] == ['{"before": true}']
    assert client.closed == LOST


def test_repeated_gaps_close_each_peer_once_and_are_logged_once_in_ten_seconds(log):
    world = World()
    one = gateway(world)
    client = world.client()
    for _ in range(5):
        one.events_lost(WHY)
    world.run()
    assert client.closed == LOST
    assert len(log.of("session closed")) == 1
    world.run(9.0)
    late = world.client()
    one.events_lost(WHY)
    world.run()
    assert late.closed == LOST, "told at once, whatever is logged"
    world.run(1.0)
    one.events_lost(WHY)
    assert log.of("events lost: ") == [
        f"events lost: {WHY}; closing 1 peers (1 gaps since the last such line)",
        f"events lost: {WHY}; closing 0 peers (6 gaps since the last such line)",
    ]
    world.relay.log_totals()
    assert "7 gaps" in log.of("totals:")[0]


def test_a_gap_does_not_close_a_peer_whose_session_has_not_begun():
    world = World()
    visitor = world.raw(b"GET /?token=T HTTP/1.1\r\n")
    gateway(world).events_lost(WHY)
    world.run()
    assert not visitor.lost


# -- how it is ------------------------------------------------------------------------------------


def test_its_health_has_the_number_of_peers_and_the_state_of_the_bus():
    world = World()
    one = gateway(world)
    assert one.health() == Health(0, False, "not connected yet")
    one.bus_failed("connection refused")
    assert one.health() == Health(0, True, "connection refused")
    one.bus_back()
    world.client()
    assert one.health() == Health(1, True, "")
    one.bus_lost("it was stopped")
    assert one.health().bus_error == "it was stopped"


def test_a_failed_first_connection_does_not_notify_sessions():
    world = World()
    client = world.client()
    gateway(world).bus_failed("connection refused")
    world.run()
    assert client.closed is None


# -- shutdown ------------------------------------------------------------------------------------

GOING = (1001, "", True)


class Shutdown:
    """A gateway with so many peers that stops within `seconds`."""

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
        """The number of closed peers."""
        assert {client.closed for client in self.clients} <= {None, GOING}
        return sum(client.closed is not None for client in self.clients)

    def after(self, seconds):
        self.world.run(seconds)
        return self.gone


def test_peers_are_closed_evenly_over_the_drain():
    shutdown = Shutdown(4, 8.0).begin()
    assert [shutdown.gone, *(shutdown.after(1.0) for _ in range(6))] == [1, 1, 2, 2, 3, 3, 4]
    assert shutdown.over.called
    assert shutdown.world.is_empty()


def test_a_single_peer_is_closed_at_once():
    shutdown = Shutdown(1, 3600.0).begin()
    assert shutdown.gone == 1
    assert shutdown.over.called


@pytest.mark.parametrize("peers", [0, 3])
def test_without_a_drain_all_peers_are_closed_at_once(peers):
    shutdown = Shutdown(peers, 0.0).begin()
    assert shutdown.gone == peers
    assert shutdown.over.called


def test_many_peers_are_closed_in_steps_within_the_drain():
    shutdown = Shutdown(60, 1.0).begin()
    counts = [shutdown.gone, *(shutdown.after(0.05) for _ in range(20))]
    assert all(abs(count - 3 * step) <= 4 for step, count in enumerate(counts))
    assert counts[-1] == 60


def test_a_peer_receives_events_until_it_is_closed():
    shutdown = Shutdown(2, 10.0).begin()
    shutdown.world.publish(body=b'{"during": true}')
    heard = sorted(client.heard[3:] for client in shutdown.clients)
    assert heard == [[], ['{"during": true}']]
    assert shutdown.after(5.0) == 2


def test_the_shutdown_ends_when_the_last_peer_has_disconnected():
    shutdown = Shutdown(3, 3600.0).begin()
    for client in shutdown.clients:
        if client.closed is None:
            client.sendClose(1000)
    shutdown.world.run()
    assert shutdown.over.called
    assert shutdown.world.is_empty()


def test_a_second_signal_ends_the_drain():
    shutdown = Shutdown(5, 3600.0).begin()
    assert shutdown.gone == 1
    shutdown.gateway.stop_now()
    shutdown.world.run()
    assert shutdown.gone == 5
    assert shutdown.over.called


def test_unfinished_handshakes_are_aborted_and_late_sessions_closed():
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
    one.stop_now()
    world.run()
    assert over.called


def test_a_slow_reader_has_until_the_end_of_the_drain():
    shutdown = Shutdown(1, 30.0)
    (peer,) = shutdown.world.gateway_state.registry
    taken = iter(range(1000))
    peer.outbound.writer = SimpleNamespace(write=peer.transport.write, taken=lambda: next(taken))
    peer.outbound.pauseProducing()
    shutdown.world.publish(body=b'{"before": true}')
    shutdown.begin()
    assert [shutdown.after(1.0) for _ in range(25)] == [0] * 25
    peer.outbound.resumeProducing()
    assert shutdown.after(0.0) == 1
    assert shutdown.clients[0].heard[3:] == ['{"before": true}']
    assert shutdown.over.called


@pytest.mark.parametrize(("stop_now", "seconds"), [(False, CLOSE_SECONDS), (True, FAST_CLOSE_SECONDS)])
def test_a_peer_that_does_not_answer_is_aborted_sooner_after_a_second_signal(stop_now, seconds):
    shutdown = Shutdown(1, 0.0)
    shutdown.clients[0].dataReceived = lambda data: None
    shutdown.begin()
    if stop_now:
        shutdown.gateway.stop_now()
    shutdown.world.run(seconds - 0.1)
    assert not shutdown.over.called
    shutdown.world.run(0.2)
    shutdown.world.run(ABORT_SECONDS)
    assert shutdown.over.called
    assert shutdown.world.is_empty()
