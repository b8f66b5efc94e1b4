"""PROXY headers, in memory and on real sockets."""

import socket
import struct

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread

from tests.connections.test_websocket import upgrade
from tests.support.certificates import write_pair
from tests.support.websocket_client import Client, trusting
from tests.support.world import World
from wsevents.api.settings import Limits
from wsevents.connections.listeners import listen_with
from wsevents.delivery.send_queue import SendQueue
from wsevents.delivery.writers import TlsWriter

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HERE = ("127.0.0.1",)
DEADLINE = 60


def introduced(address="192.0.2.7", port=4711):
    """Return a PROXY header."""
    ends = socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", port, 9502)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(ends)) + ends


def addresses(world):
    return sorted(peer._handshake.address for peer in world.gateway_state.registry)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (introduced(), "192.0.2.7"),
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (SIGNATURE + b"\x20\0\0\0", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_header_of_a_proxy_sets_the_client_address_in_any_fragmentation(header, address, size):
    world = World(trusted=HERE)
    raw, data = world.raw(proxied=True), header + upgrade()
    for at in range(0, len(data), size):
        world.send(raw, data[at : at + size])
    assert b'"op": "init"' in raw.data
    assert addresses(world) == [address]
    raw.transport.abortConnection()
    world.run()
    assert world.is_empty()


def test_a_client_that_is_no_trusted_proxy_is_rejected_in_one_line(log):
    world = World(trusted=["192.0.2.1"])
    raws = [world.raw(introduced() + upgrade(), proxied=True) for _ in range(3)]
    assert all(raw.lost and not raw.data for raw in raws)
    (queue,) = [queue for queue in log.lines if "a connection from" in queue]
    assert "a connection from 127.0.0.1 was rejected: its address is not in trusted_proxies, and" in queue
    assert world.gateway_state.session_log.failed == {"proxy": 3}
    assert world.is_empty()


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PROXY TCP4 x", b"PROXY " + b"x" * 200]
)
def test_an_invalid_header_ends_the_connection_in_one_line(data, log):
    world = World(trusted=HERE)
    for _ in range(2):
        raw = world.raw(data + b"\r\n", proxied=True)
        assert raw.lost
        assert not raw.data
    lines = [queue for queue in log.lines if "a connection from" in queue]
    assert len(lines) == 1
    assert "was rejected: no valid PROXY header" in lines[0]
    assert world.is_empty()


def test_a_header_that_is_late_ends_the_connection(log):
    world = World(trusted=HERE, limits=Limits(handshake_seconds=10.0))
    raw = world.raw(b"PROXY ", proxied=True)
    world.run(9.0)
    world.send(raw, b"TCP4 ")
    assert not raw.lost
    world.run(1.1)
    assert raw.lost
    assert "timeout of the PROXY header" in " ".join(log.lines)
    assert world.gateway_state.session_log.failed == {"timeout": 1}
    assert world.is_empty()


def test_a_connection_that_closes_before_its_header_counts_as_lost():
    world = World(trusted=HERE)
    world.raw(b"PROXY ", proxied=True).transport.abortConnection()
    world.run()
    assert world.gateway_state.session_log.failed == {"lost": 1}
    assert world.is_empty()


def test_after_the_header_a_peer_has_its_own_time_for_the_request():
    world = World(trusted=HERE, limits=Limits(handshake_seconds=10.0))
    raw = world.raw(introduced(), proxied=True)
    world.run(9.0)
    assert not raw.lost
    world.run(1.1)
    assert raw.lost
    assert world.is_empty()


def test_clients_behind_a_proxy_wait_by_their_own_addresses_and_lose_no_data():
    world = World(trusted=HERE, limits=Limits(pending_handshakes=1))
    slow = world.raw(proxied=True)
    world.send(slow, introduced("192.0.2.1"))
    flood = [world.raw(introduced("192.0.2.2") + upgrade(), proxied=True) for _ in range(3)]
    other = world.raw(introduced("192.0.2.3") + upgrade(), proxied=True)
    assert not any(raw.data for raw in [slow, *flood, other])
    world.send(slow, upgrade())
    assert all(b'"op": "init"' in raw.data for raw in [slow, *flood, other])
    assert addresses(world) == ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2", "192.0.2.3"]


def test_limits_by_address_are_for_the_address_behind_the_proxy(log):
    world = World(trusted=HERE, limits=Limits(connections_per_address=1))
    first = world.raw(introduced("192.0.2.1") + upgrade(), proxied=True)
    again = world.raw(introduced("192.0.2.1") + upgrade(), proxied=True)
    other = world.raw(introduced("192.0.2.2") + upgrade(), proxied=True)
    assert (again.lost, again.data) == (True, b"")
    assert all(b'"op": "init"' in raw.data for raw in (first, other))
    assert "a connection from 192.0.2.1 was rejected: too many connections from its address" in " ".join(
        log.lines
    )


def test_a_proxy_connection_without_its_header_counts_in_the_total_only():
    world = World(trusted=HERE, limits=Limits(connections=2))
    silent = [world.raw(proxied=True) for _ in range(3)]
    assert [raw.lost for raw in silent] == [False, False, True]
    world.send(silent[0], introduced() + upgrade())
    assert b'"op": "init"' in silent[0].data
    assert world.raw(upgrade()).lost


def test_request_headers_count_only_if_the_proxy_header_names_a_trusted_proxy():
    more = "X-Forwarded-For: 203.0.113.9\r\n"
    world = World(trusted=[*HERE, "192.0.2.8"])
    world.raw(introduced("192.0.2.7") + upgrade(extra=more), proxied=True)
    world.raw(introduced("192.0.2.8") + upgrade(extra=more), proxied=True)
    assert addresses(world) == ["192.0.2.7", "203.0.113.9"]


@given(
    st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda data: SIGNATURE + data)
    | st.binary(max_size=100).map(lambda data: introduced() + data)
    | st.text(alphabet="PROXYTCP46 UNKNOWN.:0123456789\r\n", max_size=120).map(str.encode)
)
def test_any_bytes_are_handled_and_leave_nothing(data):
    world = World(trusted=HERE)
    raw = world.raw(data, proxied=True)
    raw.transport.abortConnection()
    world.run()
    assert world.is_empty()
    assert not len(world.factory._policy.handshakes)


@pytest_twisted.ensureDeferred
async def test_events_of_a_peer_behind_a_proxy_are_written_through(tmp_path):
    world = World(trusted=HERE)
    key, crt = write_pair(tmp_path)
    endpoint = f"haproxy:ssl:0:interface=127.0.0.1:privateKey={key}:certKey={crt}"
    port = await listen_with(reactor)(endpoint, world.factory)
    turns = LoopingCall(world.run)
    turns.start(0.01)
    try:
        client = await deferToThread(dial, port.getHost().port)
        (peer,) = world.gateway_state.registry
        assert isinstance(peer.outbound, SendQueue)
        assert isinstance(peer.outbound.writer, TlsWriter)
        assert peer._handshake.address == "192.0.2.7"
        assert peer._handshake.secure
        await deferToThread(client.close)
    finally:
        turns.stop()
        await port.stopListening()


def dial(port):
    raw = socket.create_connection(("127.0.0.1", port), DEADLINE)
    raw.sendall(introduced())
    url = f"wss://localhost:{port}/?token=T"
    return Client(url, DEADLINE, ssl=trusting(), sock=raw, server_hostname="localhost")
