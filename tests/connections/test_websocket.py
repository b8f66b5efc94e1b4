"""The server with Autobahn at both ends, in memory."""

import json
import re
from types import SimpleNamespace

import pytest
from attrs import evolve
from autobahn.websocket.compress import PerMessageDeflateOffer
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from tests.support.world import ANN, Authority, World
from wsevents.api.close_reasons import GOING_AWAY
from wsevents.api.effects import Accept, Ask, ConnectionPolicy, Respond, SetTimer, Subscribe
from wsevents.api.events import Delivery
from wsevents.api.identity import Denied, Unavailable, WhoIs
from wsevents.api.session import BaseSession
from wsevents.api.settings import Limits, OutboundSettings, WebSocket
from wsevents.connections.websocket import Peer
from wsevents.logs.level import LEVEL

SUBSCRIBE = '{"op": "subscribe", "data": {"event_name": "*"}}'
START = '{"op": "start"}'


def ops(client):
    return [json.loads(text).get("op") for text in client.heard]


def test_a_client_connects_subscribes_starts_and_hears_events_as_published():
    world = World()
    client = world.client()
    for text in (SUBSCRIBE, START):
        world.say(client, text)
    assert ops(client) == ["init", "subscribe", "start"]
    world.publish(body=b'{"b":  "caf\xc3\xa9"}')
    assert client.heard[3:] == ['{"b":  "café"}']


def test_events_before_start_are_discarded():
    world = World()
    client = world.client()
    world.say(client, SUBSCRIBE)
    world.publish()
    world.say(client, START)
    assert ops(client) == ["init", "subscribe", "start"]


@pytest.mark.parametrize("path", ["/", "/api/websocketd/", "/any/thing"])
def test_any_path_is_served(path):
    assert ops(World().client(f"ws://other.example:1234{path}?token=T")) == ["init"]


@pytest.mark.parametrize(
    ("url", "closed"),
    [
        ("ws://localhost/", (4001, "no token", True)),
        ("ws://localhost/?token=X", (4002, "authentication failed", True)),
        ("ws://localhost/?token=T&version=3", (4004, "", True)),
    ],
)
def test_a_refused_client_gets_its_close_code_after_the_upgrade_and_a_clean_close(url, closed):
    world = World()
    client = world.client(url)
    world.run()
    assert client.closed == closed
    assert world.is_empty()


def test_messages_during_the_look_up_wait_in_order():
    world = World(Authority(T=ANN))
    world.authority.slow = True
    client = world.client("ws://localhost/?token=T&version=2")
    for text in (SUBSCRIBE, START, '{"op": "ping", "data": {"payload": "x"}}'):
        world.say(client, text)
    assert client.heard == []
    world.authority.work()
    world.run()
    assert ops(client) == ["init", "subscribe", "start", "pong"]


def test_a_bad_token_takes_precedence_over_a_bad_frame_sent_during_its_look_up():
    world = World(Authority())
    world.authority.slow = True
    client = world.client()
    world.say(client, "garbage")
    world.authority.work()
    world.run()
    assert client.closed == (4002, "authentication failed", True)


def test_commands_behind_a_token_wait_for_its_look_up():
    world = World(Authority(T=ANN, U=evolve(ANN, tenant="t2")))
    client = world.client("ws://localhost/?token=T&version=2")
    world.say(client, SUBSCRIBE)
    world.say(client, START)
    world.authority.slow = True
    world.say(client, '{"op": "token", "data": {"token": "U"}}')
    world.say(client, '{"op": "ping", "data": {"payload": "after"}}')
    world.publish()
    assert ops(client)[3:] == ["event"], "events of the old identity go on meanwhile"
    world.authority.work()
    world.run()
    assert ops(client)[4:] == ["token", "pong"]
    world.publish()
    world.publish(tenant="t2")
    assert ops(client)[6:] == ["event"]


@pytest.mark.parametrize("message", [b"\x00binary", "x", "[]", '{"op": "nope"}'])
def test_an_invalid_message_closes_with_4004(message):
    world = World()
    client = world.client()
    world.say(client, message)
    assert client.closed == (4004, "", True)
    assert world.is_empty()


def test_too_large_a_message_is_1009():
    world = World(limits=Limits(message_bytes=100))
    client = world.client()
    world.say(client, "x" * 101)
    assert client.closed[:2] == (1009, "")


def test_a_message_in_endless_fragments_is_1009():
    world = World()
    client = world.client()
    client.beginMessage()
    for _ in range(5000):
        client.sendMessageFrame(b"")
    world.run()
    assert client.closed[:2] == (1009, "")


def test_bytes_that_are_no_utf8_are_1007_and_a_broken_frame_1002():
    world = World()
    client = world.client()
    client.sendFrame(opcode=1, payload=b"\xff\xfe")
    world.run()
    assert client.closed[0] == 1007
    other = world.client()
    other.sendFrame(opcode=3, payload=b"")
    world.run()
    assert other.closed[0] == 1002


def test_a_silent_client_is_pinged_and_closed_when_it_does_not_answer():
    world = World(websocket=WebSocket(ping_interval=60.0, ping_timeout=20.0))
    client, dead = world.client(), world.client()
    dead.answers_pings = False
    world.run(60.0)
    world.run(19.0)
    assert dead.closed is None
    world.run(1.0)
    assert dead.closed == (1011, "keepalive ping timeout", True)
    for _ in range(10):
        world.run(60.0)
    assert client.closed is None


def test_a_token_that_expires_closes_with_4003_and_one_that_is_renewed_does_not():
    authority = Authority(T=evolve(ANN, expires=1000030.0), U=evolve(ANN, expires=1001000.0))
    world = World(authority)
    client, renewed = world.client(), world.client()
    world.say(renewed, '{"op": "token", "data": {"token": "U"}}')
    authority.people["T"] = Denied("expired")
    world.run(29.0)
    assert client.closed is None
    world.run(1.1)
    assert client.closed == (4003, "authentication expired", True)
    world.run(30.0)
    assert renewed.closed is None


def test_an_authority_that_is_down_at_a_recheck_closes_no_session_before_its_expiry():
    authority = Authority(T=evolve(ANN, expires=1000100.0))
    world = World(authority)
    client = world.client()
    authority.people["T"] = Unavailable("down")
    for _ in range(99):
        world.run(1.0)
    assert client.closed is None
    world.run(1.2)
    assert client.closed == (4003, "authentication expired", True)


def test_the_loss_of_the_bus_closes_every_peer():
    world = World()
    client = world.client()
    for peer in world.gateway_state.registry:
        peer.bus_lost()
    world.run()
    assert client.closed == (1011, "bus connection lost", True)


def test_while_the_bus_is_down_new_clients_are_closed_after_their_token_was_checked():
    world = World(bus_up=False)
    assert world.client().closed == (1011, "bus connection error", True)
    assert world.client("ws://localhost/?token=X").closed == (4002, "authentication failed", True)


def test_changes_of_the_authority_reach_sessions_at_once():
    authority = Authority(T=ANN)
    world = World(authority)
    client = world.client()
    for text in (SUBSCRIBE, START):
        world.say(client, text)
    world.publish(tenant="t9")
    authority.people["T"] = evolve(ANN, reach="all")
    for peer in world.gateway_state.registry:
        peer.refresh_identity()
    world.publish(tenant="t9")
    assert len(client.heard) == 4


def test_a_shutdown_closes_with_1001():
    world = World()
    client = world.client()
    for peer in world.gateway_state.registry:
        peer.close(GOING_AWAY)
    world.run()
    assert client.closed == (1001, "", True)
    assert world.is_empty()


def test_the_close_frame_of_a_client_is_answered_and_its_session_forgotten():
    world = World()
    client = world.client()
    world.say(client, SUBSCRIBE)
    world.say(client, START)
    client.sendClose(3000, "bye")
    world.run()
    assert client.closed == (3000, "bye", True)
    assert world.is_empty()


def test_a_client_that_does_not_answer_the_close_is_aborted():
    world = World()
    client = world.client()
    client.onCloseFrame = lambda code, reason: None
    for peer in world.gateway_state.registry:
        peer.close(GOING_AWAY)
    world.run(9.0)
    assert client.closed is None
    world.run(2.0)
    assert client.closed is not None
    assert world.is_empty()


def test_a_connection_that_is_lost_during_a_look_up_leaves_nothing():
    world = World()
    world.authority.slow = True
    client = world.client()
    client.transport.abortConnection()
    world.run()
    world.authority.work()
    world.run()
    assert world.is_empty()


def test_the_look_up_of_a_client_that_is_gone_is_cancelled():
    world = World()
    world.authority.slow = True
    client = world.client()
    question = world.authority.waiting[0][0]
    cancelled = []
    question.addErrback(cancelled.append)
    client.transport.abortConnection()
    world.run()
    assert question.called
    assert world.is_empty()


def test_an_error_of_the_authority_affects_one_peer_only(errors):
    world = World(Authority(T=ANN, bad=ZeroDivisionError()))
    good, bad = world.client(), world.client("ws://localhost/?token=bad")
    assert bad.closed is not None
    assert good.closed is None
    assert errors.flush(ZeroDivisionError)


def test_a_flood_of_messages_is_slowed_not_dropped():
    world = World(limits=Limits(messages_per_second=10.0))
    client = world.client("ws://localhost/?token=T&version=2")
    for number in range(150):
        client.sendMessage(json.dumps({"op": "ping", "data": {"payload": str(number)}}).encode())
    world.run()
    assert 90 <= len(client.heard) <= 110
    for _ in range(120):
        world.run(0.1)
    assert [json.loads(text)["data"].get("payload") for text in client.heard[1:]] == [
        str(n) for n in range(150)
    ]
    assert client.closed is None


@pytest.mark.parametrize(
    "origin", ["null", "file://", "about:blank", "garbage", "https://x:99999", "http://x:y"]
)
@pytest.mark.parametrize("host", ["gateway", "h:x", "[::1"])
@pytest.mark.parametrize("target", ["/", "//[x", "/%ff"])
def test_any_path_host_and_origin_is_served(target, host, origin):
    world = World()
    request = upgrade(f"{target}?token=T").replace(
        b"Host: localhost:9502", f"Host: {host}\r\nOrigin: {origin}".encode()
    )
    assert f"Origin: {origin}".encode() in request
    assert b'"op": "init"' in world.raw(request).data


def test_an_empty_line_before_the_request_is_ignored():
    assert b'"op": "init"' in World().raw(b"\r\n" + upgrade("/?token=T")).data


def test_a_page_request_sent_byte_by_byte_is_aborted_at_the_timeout():
    world = World(limits=Limits(handshake_seconds=10.0))
    raw = world.raw(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
    for _ in range(9):
        world.run(1.0)
        world.send(raw, b"x")
    assert not raw.lost
    world.run(2.0)
    assert raw.lost
    assert world.is_empty()


def test_one_event_larger_than_the_queue_may_be_does_not_make_a_reader_slow():
    world = World(outbound=OutboundSettings(peer_bytes=1000))
    client = world.client()
    world.say(client, SUBSCRIBE)
    world.say(client, START)
    headers = {"name": "e", "tenant_uuid": "t1", "user_uuid:*": True, "required_acl": None}
    for size in (100000, 10, 10):
        body = b'{"a": "' + b"x" * size + b'"}'
        world.relay.delivered(Delivery(body, headers, "wazo-headers", "", world.now()))
    world.run()
    assert [len(text) for text in client.heard[3:]] == [100009, 19, 19]
    assert client.closed is None


def test_pings_of_the_client_are_answered():
    world = World()
    client = world.client()
    client.sendPing(b"hello")
    world.run()
    assert client.pongs == [b"hello"]


def test_a_client_that_pings_and_does_not_read_is_closed_as_too_slow_too():
    world = World(outbound=OutboundSettings(peer_bytes=1000))
    client = world.client()
    peer = next(iter(world.gateway_state.registry))
    peer.outbound.pauseProducing()
    for _ in range(50):
        client.sendPing(b"x" * 100)
    world.run()
    assert peer.outbound.size < 2000
    peer.outbound.resumeProducing()
    world.run()
    assert client.closed == (1013, "too slow", True)


def test_a_client_that_falls_behind_is_closed_as_too_slow():
    world = World(outbound=OutboundSettings(peer_bytes=1000))
    slow, quick = world.client(), world.client()
    for client in (slow, quick):
        world.say(client, SUBSCRIBE)
        world.say(client, START)
    peer = next(iter(world.gateway_state.registry))
    peer.outbound.pauseProducing()
    for _ in range(40):
        world.publish(body=b'{"a": "' + b"x" * 100 + b'"}')
    peer.outbound.resumeProducing()
    world.run()
    assert slow.closed == (1013, "too slow", True)
    assert len(quick.heard) == 43


@pytest.mark.parametrize(("allowed", "upgraded"), [(["*"], True), (["https://a.example"], False)])
@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
def test_an_origin_is_any_by_default_and_else_one_that_is_listed(allowed, origin, upgraded):
    world = World(websocket=WebSocket(allowed_origins=allowed))
    client = world.client(origin=origin)
    assert (ops(client) == ["init"]) is upgraded
    assert "X" not in client.heard


# -- before the upgrade


def upgrade(target="/?token=T", extra=""):
    return (
        f"GET {target} HTTP/1.1\r\nHost: localhost:9502\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    ).encode()


def test_the_head_may_come_byte_by_byte():
    world = World()
    raw = world.raw()
    for byte in upgrade():
        world.send(raw, bytes([byte]))
    assert raw.data.startswith(b"HTTP/1.1 101 ")


def test_frames_may_come_with_the_head():
    world = World()
    frame = b"\x81\x8f\0\0\0\0" + b'{"op": "start"}'
    raw = world.raw(upgrade() + frame)
    assert b'"op": "init"' in raw.data
    assert b'"op": "start"' in raw.data


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?token=s3cret HTTP/1.1 x\r\nUpgrade: websocket\r\n\r\n",
        b"GET /?token=s3cret#x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /?token=s3cret HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"POST /?token=s3cret HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h:x\r\nUpgrade: websocket\r\n\r\n",
        b"\xff\xfe\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_a_bad_request_is_answered_with_an_error_that_does_not_quote_it(head):
    world = World()
    raw = world.raw(head)
    assert raw.data.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert b"s3cret" not in raw.data
    assert raw.lost
    assert world.is_empty()


def test_a_head_without_an_end_is_431():
    world = World()
    raw = world.raw(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 4000)
    assert raw.data.startswith(b"HTTP/1.1 431 ")
    assert raw.lost
    assert world.is_empty()


def test_a_client_that_does_not_finish_its_handshake_is_dropped():
    world = World(limits=Limits(handshake_seconds=10.0))
    raw = world.raw(b"GET / HTT")
    world.run(9.0)
    assert not raw.lost
    world.run(1.0)
    assert raw.lost
    assert world.is_empty()


def test_a_connection_beyond_the_limit_of_handshakes_waits_unread():
    world = World(limits=Limits(pending_per_address=3))
    first = [world.raw() for _ in range(3)]
    waiting = [world.raw(upgrade()) for _ in range(4)]
    assert not any(raw.data or raw.lost for raw in waiting)
    world.send(first[0], upgrade())
    assert all(b'"op": "init"' in raw.data for raw in (first[0], *waiting)), "one turn made room for the next"
    for raw in (*first, *waiting):
        raw.transport.abortConnection()
    world.run()
    assert world.is_empty()


def test_the_handshake_timeout_starts_with_the_handshake_and_frees_its_place():
    world = World(limits=Limits(pending_handshakes=2, handshake_seconds=10.0))
    silent = [world.raw() for _ in range(2)]
    world.run(5.0)
    waiting = [world.raw() for _ in range(2)]
    world.run(5.0)
    assert [raw.lost for raw in (*silent, *waiting)] == [True, True, False, False]
    world.run(9.0)
    assert [raw.lost for raw in waiting] == [False, False]
    world.run(1.0)
    assert [raw.lost for raw in waiting] == [True, True]
    assert world.is_empty()


def test_a_connection_that_closes_while_waiting_takes_no_place():
    world = World(limits=Limits(pending_handshakes=1))
    first, leaving, staying = (world.raw() for _ in range(3))
    leaving.transport.abortConnection()
    world.send(first, upgrade())
    world.send(staying, upgrade())
    assert b'"op": "init"' in staying.data


def test_connections_beyond_the_waiting_limit_are_rejected():
    world = World(limits=Limits(pending_handshakes=1, waiting_handshakes=1))
    first, second, third = (world.raw() for _ in range(3))
    assert [raw.lost for raw in (first, second, third)] == [False, False, True]


def test_a_plain_request_gets_the_page_at_the_root_and_426_elsewhere():
    world = World()
    assert world.raw(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").data.startswith(b"HTTP/1.1 200 ")
    answer = world.raw(b"GET /any?token=T HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.data.startswith(b"HTTP/1.1 426 ")
    assert b"pgrade: websocket" in answer.data


class Gatekeeper:
    """A dialect that decides before the upgrade, after a look-up."""

    name, sources, policy, authority = "gate", (), ConnectionPolicy(), ""

    def serves(self, path):
        return path == "/gate"

    def session(self, request, entropy):
        return GateSession(request)


class GateSession(BaseSession):
    def __init__(self, request):
        self.request = request

    def requested(self, now):
        return (Ask(1, WhoIs(self.request.query["token"][0])),)

    def answered(self, id, answer, now):
        if isinstance(answer, Denied):
            return (Respond(401, (("Content-Type", "application/json"), ("X-Why", "no")), b'{"error": 1}'),)
        return (Accept((("X-Who", answer.subject),)),)


def test_a_dialect_may_refuse_before_the_upgrade_with_status_headers_and_body():
    world = World(Authority(), dialects=[Gatekeeper()])
    world.authority.slow = True
    raw = world.raw(upgrade("/gate?token=X"))
    assert raw.data == b""
    world.authority.work()
    world.run()
    head, _, body = raw.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b"X-Why: no" in head
    assert b"Content-Length: 12" in head
    assert body == b'{"error": 1}'
    assert raw.lost
    assert world.is_empty()


def test_a_dialect_may_add_headers_to_the_upgrade():
    world = World(Authority(T=ANN), dialects=[Gatekeeper()])
    raw = world.raw(upgrade("/gate?token=T"))
    assert raw.data.startswith(b"HTTP/1.1 101 ")
    assert b"X-Who: ann\r\n" in raw.data


def test_a_path_that_no_dialect_serves_is_404():
    assert World(dialects=[Gatekeeper()]).raw(upgrade("/other")).data.startswith(b"HTTP/1.1 404 ")


def test_an_exception_of_a_session_affects_its_peer_only(errors):
    world = World(dialects=[Gatekeeper()])
    raw = world.raw(upgrade("/gate"))
    assert raw.data.startswith(b"HTTP/1.1 500 ")
    assert world.is_empty()
    assert errors.flush(KeyError)


# -- a session that fails between the accepted upgrade and the open WebSocket


class FaultError(Exception):
    """The error of a script."""


class Accepting(Gatekeeper):
    """A dialect whose sessions note each fact and answer it as the script says; an exception is raised.

    Attributes:
        script: the name of a fact to the effects, or to an exception.
        facts: those that the sessions were told.
    """

    def __init__(self, **script):
        self.script, self.facts = {"requested": (Accept(),)} | script, []

    def session(self, request, entropy):
        return AcceptingSession(self)


class AcceptingSession(BaseSession):
    identity = ANN

    def __init__(self, dialect):
        self._dialect = dialect

    def _play(self, fact):
        self._dialect.facts.append(fact)
        effects = self._dialect.script.get(fact, ())
        if isinstance(effects, Exception):
            raise effects
        return effects

    def requested(self, now):
        return self._play("requested")

    def opened(self, now):
        return self._play("opened")

    def received(self, message, now):
        return self._play("received")

    def answered(self, id, answer, now):
        return self._play("answered")

    def subscribed(self, id, live, now):
        return self._play("subscribed")

    def timer_fired(self, name, now):
        return self._play("timer_fired")

    def identity_changed(self, answer, now):
        return self._play("identity_changed")

    def bus_lost(self, now):
        return self._play("bus_lost")


def ends_with_1011(world, client, errors, log):
    """Check that the session ended with 1011, was told nothing more, and cost one line."""
    (dialect,) = world.dialects
    told = list(dialect.facts)
    for peer in world.gateway_state.registry:
        peer.bus_lost()
        peer.refresh_identity()
    world.publish()
    world.run(60.0)
    assert client.closed == (1011, "", True)
    assert dialect.facts == told
    assert world.is_empty()
    assert world.gateway_state.session_log.closed == {("gate", "gateway", "1011"): 1}
    assert world.gateway_state.session_log.opened == {"gate": 1}
    assert len(errors.flush(FaultError)) == 1
    (queue,) = log.of("FaultError at ")
    assert "s3cret" not in queue
    assert not log.of("Unhandled")


def accepting(**script):
    """Return a world whose only dialect is that; its authority raises at the token "boom"."""
    return World(Authority(T=ANN, boom=FaultError("s3cret")), [Accepting(**script)])


AT_GATE = "ws://localhost:9502/gate"
FAILING = Ask(2, WhoIs("boom"))


def test_an_effect_that_fails_after_the_upgrade_was_accepted_ends_with_1011(errors, log):
    world = accepting(requested=(Accept(), FAILING))
    client = world.client(AT_GATE)
    assert world.dialects[0].facts == ["requested"]
    ends_with_1011(world, client, errors, log)


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "later"])
def test_an_effect_that_fails_after_an_answer_had_the_upgrade_accepted_ends_with_1011(slow, errors, log):
    world = accepting(requested=(Ask(1, WhoIs("T")),), answered=(Accept(), FAILING))
    world.authority.slow = slow
    client = world.client(AT_GATE)
    world.authority.work()
    world.run()
    assert world.dialects[0].facts == ["requested", "answered"]
    ends_with_1011(world, client, errors, log)


@pytest.mark.parametrize(
    ("fact", "effect"),
    [
        ("answered", Ask(1, WhoIs("T"))),
        ("subscribed", Subscribe(frozenset(), 1)),
    ],
)
def test_a_fact_that_an_effect_leads_to_before_it_is_open_and_that_fails_ends_with_1011(
    fact, effect, errors, log
):
    world = accepting(requested=(Accept(), effect), **{fact: FaultError("s3cret")})
    client = world.client(AT_GATE)
    assert world.dialects[0].facts == ["requested", fact]
    ends_with_1011(world, client, errors, log)


@pytest.mark.parametrize(
    ("fact", "tell"),
    [
        ("bus_lost", lambda peer: peer.bus_lost()),
        ("identity_changed", lambda peer: peer.refresh_identity()),
        ("timer_fired", lambda peer: peer._runner._timer_fired("timer")),
    ],
    ids=["bus_lost", "identity_changed", "timer_fired"],
)
def test_a_fact_from_elsewhere_that_fails_before_it_is_open_ends_with_1011(fact, tell, errors, log):
    """The authority is asked after the upgrade was accepted; something else happens meanwhile."""
    dialect = Accepting(requested=(Accept(), Ask(1, WhoIs("T"))), **{fact: FaultError("s3cret")})

    class Interrupting(Authority):
        def answer(self, question, now):
            (handshake,) = world.policy.handshakes
            assert not handshake.delegate._open
            tell(handshake.delegate)
            return Deferred()

    world = World(Interrupting(T=ANN), [dialect])
    client = world.client(AT_GATE)
    assert dialect.facts == ["requested", fact]
    ends_with_1011(world, client, errors, log)


def test_a_session_that_fails_at_its_opening_ends_with_1011(errors, log):
    world = accepting(opened=FaultError("s3cret"))
    client = world.client(AT_GATE)
    assert world.dialects[0].facts == ["requested", "opened"]
    ends_with_1011(world, client, errors, log)


def test_a_session_that_fails_at_its_opening_because_the_bus_is_away_ends_with_1011(errors, log):
    dialect = Accepting(bus_lost=FaultError("s3cret"))
    world = World(dialects=[dialect], bus_up=False)
    client = world.client(AT_GATE)
    assert dialect.facts == ["requested", "bus_lost"]
    ends_with_1011(world, client, errors, log)


def test_a_timer_that_fails_once_it_is_open_ends_with_1011(errors, log):
    world = accepting(opened=(SetTimer("timer", 1000001.0),), timer_fired=FaultError("s3cret"))
    client = world.client(AT_GATE)
    world.run(1.5)
    assert world.dialects[0].facts == ["requested", "opened", "timer_fired"]
    ends_with_1011(world, client, errors, log)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (lambda peer: peer._handshake, "finish"),
        (lambda peer: peer._gateway_state.registry, "add"),
        (lambda peer: peer.transport, "registerProducer"),
        (lambda peer: peer._keepalive.timers, "after"),
        (lambda peer: peer._runner, "notify"),
    ],
    ids=["handshake", "registry", "transport", "keepalive", "runner"],
)
def test_an_opening_that_fails_by_itself_ends_with_1011(owner, name, errors, log, monkeypatch):
    def fail(*arguments):
        if armed:
            armed.clear()
            raise FaultError("s3cret")
        return original(*arguments)

    world = accepting()
    open_ = Peer.onOpen

    def on_open(peer):
        nonlocal original
        target = owner(peer)
        original = getattr(target, name)
        monkeypatch.setattr(type(target), name, lambda _, *arguments: fail(*arguments))
        armed.append(True)
        open_(peer)

    original, armed = None, []
    monkeypatch.setattr(Peer, "onOpen", on_open)
    client = world.client(AT_GATE)
    assert original is not None
    assert "opened" not in world.dialects[0].facts
    ends_with_1011(world, client, errors, log)


def test_a_failed_session_whose_close_frame_cannot_be_sent_is_cut_off(errors, monkeypatch):
    def fail(*_):
        raise FaultError

    monkeypatch.setattr(Peer, "sendCloseFrame", fail)
    world = accepting(opened=FaultError("s3cret"))
    client = world.client(AT_GATE)
    world.run()
    assert client.closed is not None
    assert not client.closed[2], "the close is not clean"
    assert world.is_empty()
    assert len(errors.flush(FaultError)) == 2


def test_an_upgrade_that_cannot_be_written_is_answered_with_500(errors, log):
    world = accepting(requested=(Accept((("X-Who", "\ud800"),)),))
    raw = world.raw(upgrade("/gate"))
    assert raw.data.startswith(b"HTTP/1.1 500 ")
    assert raw.lost
    assert world.dialects[0].facts == ["requested"]
    assert world.is_empty()
    assert len(errors.flush(UnicodeEncodeError)) == 1


def test_a_session_that_fails_before_it_accepts_gets_no_more_facts(errors):
    world = accepting(requested=(Ask(1, WhoIs("T")), FAILING))
    raw = world.raw(upgrade("/gate"))
    assert raw.data.startswith(b"HTTP/1.1 500 ")
    assert world.dialects[0].facts == ["requested"]
    assert world.is_empty()
    assert errors.flush(FaultError)


# -- proxies, origins and authentication


def seen(world):
    """Return address and port of each peer."""
    return [(peer._handshake.address, peer._handshake.port) for peer in world.gateway_state.registry]


FORWARDED = "X-Forwarded-For: 198.51.100.1, 203.0.113.9:5060\r\nX-Forwarded-For: 127.0.0.2\r\n"


def test_only_the_headers_of_a_trusted_proxy_set_the_client_address():
    world = World(trusted=["127.0.0.0/8"])
    world.raw(upgrade(extra=FORWARDED))
    world.raw(upgrade(extra=FORWARDED), "192.0.2.7")
    world.raw(upgrade(), "127.0.0.3")
    assert [address for address, _ in seen(world)] == ["203.0.113.9", "192.0.2.7", "127.0.0.3"]
    assert seen(world)[0] == ("203.0.113.9", 5060)


def test_by_default_no_proxy_is_trusted():
    world = World()
    world.raw(upgrade(extra=FORWARDED))
    assert [address for address, _ in seen(world)] == ["127.0.0.1"]


def test_behind_a_trusted_proxy_peers_are_limited_by_their_own_addresses(log):
    limits = Limits(connections_per_address=1, pending_per_address=1)
    world = World(trusted=["127.0.0.1"], limits=limits)
    silent = [world.raw() for _ in range(5)]
    assert not any(raw.lost for raw in silent)
    first, again, other = (
        world.raw(upgrade(extra=f"X-Forwarded-For: {address}\r\n"))
        for address in ("203.0.113.9", "203.0.113.9", "203.0.113.10")
    )
    assert all(b'"op": "init"' in raw.data for raw in (first, other))
    assert again.data.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in again.data
    assert again.lost
    assert log.of("a connection from 203.0.113.9 was rejected: too many connections from its address")
    first.transport.abortConnection()
    world.run()
    raw = world.raw(upgrade(extra="X-Forwarded-For: 203.0.113.9\r\n"))
    assert b'"op": "init"' in raw.data
    for each in (*silent, other, raw):
        each.transport.abortConnection()
    world.run()
    assert world.is_empty()


def test_the_number_of_connections_is_limited(log):
    world = World(limits=Limits(connections=2))
    raws = [world.raw(upgrade(), f"192.0.2.{number}") for number in range(3)]
    assert [raw.lost for raw in raws] == [False, False, True]
    assert raws[2].data == b""
    assert log.of("a connection from 192.0.2.2 was rejected: too many connections (")
    raws[0].transport.abortConnection()
    world.run()
    assert b'"op": "init"' in world.raw(upgrade()).data


class Echo(Gatekeeper):
    """Accepts every request, with the identity that it names, if any; reports whether it was secure."""

    name, policy = (
        "echo",
        ConnectionPolicy(origins=("https://a.example",), own_pages=True, origins_key="dialects.echo.key"),
    )

    def __init__(self, **changes):
        self.policy = evolve(self.policy, **changes)

    def session(self, request, entropy):
        return EchoSession(request)


class EchoSession(BaseSession):
    def __init__(self, request):
        self.request = request

    def requested(self, now):
        return (Accept((("X-Secure", str(self.request.secure)),)),)

    def received(self, message, now):
        self.identity = ANN
        return ()


@pytest.mark.parametrize(
    ("said", "trusted", "is_secure"),
    [("https", True, b"True"), ("http", True, b"False"), (None, True, b"False"), ("https", False, b"False")],
)
def test_only_the_headers_of_a_trusted_proxy_say_that_a_client_uses_tls(said, trusted, is_secure):
    world = World(dialects=[Echo()], trusted=["127.0.0.1"] if trusted else [])
    extra = f"X-Forwarded-Proto: {said}\r\n" if said else ""
    assert b"X-Secure: " + is_secure in world.raw(upgrade("/gate", extra)).data


@pytest.mark.parametrize(
    ("origin", "proto", "status"),
    [
        (None, "http", b"101"),
        ("https://a.example", "http", b"101"),
        ("https://A.example:443", "http", b"101"),
        ("http://localhost:9502", "http", b"101"),
        ("https://localhost:9502", "https", b"101"),
        ("https://localhost:9502", "http", b"403"),
        ("http://localhost:9502", "https", b"403"),
        ("https://evil.example", "https", b"403"),
        ("null", "http", b"403"),
    ],
)
def test_the_gateways_own_origin_may_connect_if_the_dialect_says_so(origin, proto, status):
    world = World(dialects=[Echo()], trusted=["127.0.0.1"])
    extra = f"X-Forwarded-Proto: {proto}\r\n" + (f"Origin: {origin}\r\n" if origin else "")
    assert world.raw(upgrade("/gate", extra)).data[9:12] == status


def test_a_rejected_origin_is_logged_with_the_key_that_allows_it(log):
    world = World(dialects=[Echo()])
    for number in range(3):
        raw = world.raw(upgrade("/gate?token=s3cret", f"Origin: https://evil{number}.example\r\n"))
        assert raw.data.startswith(b"HTTP/1.1 403 ")
        assert raw.lost
    (queue,) = log.of("a connection from")
    assert "was rejected: origin not allowed: 'https://evil0.example'; to allow" in queue
    assert "add it to dialects.echo.key" in queue
    world.run(60.0)
    world.raw(upgrade("/gate", f"Origin: {'x' * 9000}\r\n"))
    assert "(3 since the last such line)" in log.of("a connection from")[1]
    assert len(log.of("a connection from")[1]) < 500
    assert world.is_empty()


def test_a_client_that_does_not_authenticate_in_time_is_closed():
    world = World(dialects=[Echo()], limits=Limits(authentication_seconds=30.0))
    client, known = world.client("ws://localhost:9502/gate"), world.client("ws://localhost:9502/gate")
    world.say(known, "I am")
    world.run(29.0)
    assert client.closed is None
    world.run(1.1)
    assert client.closed == (1008, "authentication timeout", True)
    world.run(60.0)
    assert known.closed is None
    known.sendClose()
    world.run()
    assert world.is_empty()


@pytest.mark.parametrize(
    ("seconds", "anonymous"), [(0.0, False), (30.0, True)], ids=["no limit", "the protocol allows it"]
)
def test_a_peer_may_stay_unauthenticated_where_the_dialect_allows_it(seconds, anonymous):
    world = World(dialects=[Echo(anonymous=anonymous)], limits=Limits(authentication_seconds=seconds))
    client = world.client("ws://localhost:9502/gate")
    world.run(1000.0)
    assert client.closed is None


def test_a_peer_whose_token_is_looked_up_gets_the_result_however_long_it_takes():
    world = World(limits=Limits(authentication_seconds=5.0))
    world.authority.slow = True
    client = world.client("ws://localhost:9502/?token=X")
    for _ in range(10):
        world.run(1.0)
    assert client.closed is None
    world.authority.work()
    world.run()
    assert client.closed == (4002, "authentication failed", True)
    assert world.is_empty()


def test_a_known_token_needs_no_timer():
    world = World(websocket=WebSocket(ping_interval=0))
    client = world.client()
    assert ops(client) == ["init"]
    assert not len(world.gateway_state.keepalive._deadlines)


@pytest.mark.parametrize(("seconds", "until"), [(30.0, 30.0), (5.0, 5.0), (0.0, 10.0)])
def test_before_the_upgrade_an_authority_that_is_too_slow_is_answered_with_503(seconds, until, log):
    limits = Limits(authentication_seconds=seconds, handshake_seconds=10.0)
    world = World(Authority(T=ANN), dialects=[Gatekeeper()], limits=limits)
    world.authority.slow = True
    raw = world.raw(upgrade("/gate?token=T"))
    world.run(until - 1.0)
    assert not raw.lost
    world.run(1.1)
    assert raw.lost
    assert raw.data.startswith(b"HTTP/1.1 503 ") is bool(seconds)
    assert bool(log.of("timeout of the authentication")) is bool(seconds)
    world.authority.work()
    world.run()
    assert world.is_empty()


# -- arbitrary input


@given(st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=30)), max_size=6), st.binary(max_size=30))
def test_no_messages_and_no_bytes_raise_or_leave_anything_or_touch_another(messages, tail):
    world = World()
    bystander, client = world.client(), world.client("ws://localhost/?token=T&version=2")
    for message in messages:
        if client.closed is None:
            world.say(client, message)
    world.send(client, tail)
    client.transport.abortConnection()
    world.run()
    assert bystander.closed is None
    assert len(world.gateway_state.registry) == 1
    bystander.sendClose()
    world.run()
    assert world.is_empty()


def test_two_thousand_clients_that_come_and_go_leave_nothing():
    world = World()
    for _ in range(40):
        clients = [world.client() for _ in range(50)]
        for client in clients:
            client.sendMessage(SUBSCRIBE.encode())
            client.sendMessage(START.encode())
        world.run()
        for client in clients[::2]:
            client.sendClose()
        for client in clients[1::2]:
            client.transport.abortConnection()
        world.run()
        world.pumps.clear()
    assert world.is_empty()


# -- slow clients, disconnects, compression


def subscribed(world, **options):
    client = world.client(**options)
    world.say(client, SUBSCRIBE)
    world.say(client, START)
    return client


def test_a_client_that_reads_nothing_for_too_long_is_closed_as_too_slow(log):
    world = World(outbound=OutboundSettings(write_deadline=10.0))
    client = subscribed(world)
    peer = next(iter(world.gateway_state.registry))
    peer.outbound.pauseProducing()
    world.publish()
    world.run(9.0)
    assert client.closed is None
    world.run(2.0)
    peer.outbound.resumeProducing()
    world.run()
    assert client.closed == (1013, "too slow", True)
    assert len(client.heard) == 3
    assert log.of("it read nothing within outbound.write_deadline")


def test_a_client_that_reads_slowly_but_steadily_is_not_closed():
    world = World(outbound=OutboundSettings(write_deadline=10.0), websocket=WebSocket(ping_interval=0))
    client = subscribed(world)
    peer = next(iter(world.gateway_state.registry))
    taken = iter(range(100))
    peer.outbound.writer = SimpleNamespace(write=peer.transport.write, taken=lambda: next(taken))
    peer.outbound.pauseProducing()
    world.publish()
    for _ in range(10):
        world.run(9.0)
    peer.outbound.resumeProducing()
    world.run(30.0)
    assert client.closed is None
    assert len(client.heard) == 4


def test_above_the_total_limit_only_the_client_with_the_longest_queue_is_closed():
    world = World(outbound=OutboundSettings(peer_bytes=10**6, total_bytes=1000))
    clients = [subscribed(world) for _ in range(3)]
    for peer in world.gateway_state.registry:
        peer.outbound.pauseProducing()
    world.publish(body=b'{"a": "' + b"x" * 600 + b'"}')
    first = next(iter(world.gateway_state.registry))
    first.reply(b"\x81\x7e\x02\x58" + b"y" * 600)
    world.run()
    for peer in list(world.gateway_state.registry):
        peer.outbound.resumeProducing()
    world.run()
    assert [client.closed and client.closed[0] for client in clients] == [1013, None, None]
    assert [len(client.heard) for client in clients] == [3, 4, 4]


def test_a_client_lost_during_a_flush_does_not_affect_others():
    world = World()
    clients = [subscribed(world) for _ in range(4)]
    peers = list(world.gateway_state.registry)
    writer = peers[1].outbound.writer

    def write(data):
        for peer in (peers[0], peers[2]):  # one was flushed, one is still to be
            peer._handshake.connectionLost(Failure(ConnectionDone()))
        writer.write(data)

    peers[1].outbound.writer = SimpleNamespace(write=write)
    world.publish()
    peers[1].outbound.writer = writer
    world.publish()
    assert [len(client.heard) for client in clients[1::2]] == [5, 5]
    assert len(world.gateway_state.registry) == 2


@pytest.mark.parametrize("compression", [True, False])
def test_messages_are_compressed_if_both_sides_want_that(compression):
    world = World(websocket=WebSocket(compression=compression))
    client, plain = world.client(offers=[PerMessageDeflateOffer()]), subscribed(world)
    world.say(client, SUBSCRIBE)
    world.say(client, START)
    agreed = [(one.server_no_context_takeover, one.client_no_context_takeover) for one in client.agreed]
    assert agreed == ([(True, True)] if compression else [])
    before = client.received
    for _ in range(3):
        world.publish(body=b'{"a": "' + b"x" * 5000 + b'"}')
    assert client.heard[3:] == plain.heard[3:] == ['{"a": "' + "x" * 5000 + '"}'] * 3
    assert (client.received - before < 500) is compression


def test_a_small_message_that_becomes_a_large_one_ends_its_session_only():
    world = World(websocket=WebSocket(compression=True), limits=Limits(message_bytes=1000))
    client, bystander = world.client(offers=[PerMessageDeflateOffer()]), world.client()
    world.say(client, '{"op": "' + "x" * 10**6 + '"}')
    assert client.closed == (1009, "", True)
    assert bystander.closed is None


def test_at_level_debug_each_session_logs_its_start():
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        World().client()
        assert not [one for one in said if "opened" in one.get("log_format", "")]
        LEVEL.set("debug")
        World().client()
    finally:
        LEVEL.set("info")
        globalLogPublisher.removeObserver(said.append)
    (queue,) = [formatEvent(one) for one in said if "opened" in one.get("log_format", "")]
    assert re.fullmatch(r"session 0-1 opened: wazo 127\.0\.0\.1, port \d+, by tcp:9502", queue)
