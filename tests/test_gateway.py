"""The gateway between the bus and the peers: who is told when events were lost, and how often."""

from tests.wire import World
from wsevents.gateway import Gateway

LOST = (1011, "events were lost", True)
WHY = "the bus says so"


def gateway(world):
    return Gateway(world.clock, [], world.house, world.factory._keeper, world.relay, [])


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
    world.relay.sum_up()
    assert "7 gaps" in log.of("in all:")[0]


def test_a_peer_whose_session_has_not_begun_is_not_concerned_by_a_gap():
    world = World()
    visitor = world.raw(b"GET /?token=T HTTP/1.1\r\n")
    gateway(world).events_lost(WHY)
    world.run()
    assert not visitor.lost
