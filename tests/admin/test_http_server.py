"""The responses of the status listener, in memory."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.support.http_client import Visitor
from tests.support.world import ANN, Authority, World
from wsevents import __version__
from wsevents.admin.cluster_view import SingleProcess, WorkerProcesses
from wsevents.admin.http_server import make_status_site
from wsevents.admin.introspection import Introspection
from wsevents.admin.stall_detector import StallDetector
from wsevents.api.close_reasons import KICKED
from wsevents.api.identity import Identity, Unavailable, WhoIs
from wsevents.auth.lookup_cache import LookupCache
from wsevents.core.session_log import SessionLog
from wsevents.workers.rpc import RpcError

BOB = Identity("bob", "t1", ("#",))
START = ('{"op": "subscribe", "data": {"event_name": "call_created"}}', '{"op": "start"}')
HERE = {"Host": "127.0.0.1:9503"}
POST = HERE | {"Content-Type": "application/json"}


class Operator:
    """A client of the status listener of a world."""

    def __init__(self, authorities=(), **options):
        self.world = World(Authority(T=ANN, B=BOB), **options)
        self.world.gateway_state.session_log = self.world.policy.session_log = SessionLog(7)
        self.world.gateway_state.relay.stats.consumed = 0
        self.introspection = Introspection(
            self.world.gateway_state, self.world.policy, authorities, StallDetector(self.world.clock)
        )
        self.visitor = Visitor(make_status_site(SingleProcess(self.introspection), 1000000.0, 7, Clock()))

    def client(self, token="T"):
        client = self.world.client(f"ws://localhost/?token={token}")
        for text in START:
            self.world.say(client, text)
        return client

    def get(self, path, headers=HERE):
        return self.visitor.ask("GET", path, headers)

    def kick(self, wanted, headers=POST):
        body = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
        answer = self.visitor.ask("POST", "/kick", headers, body)
        self.world.run()
        return answer

    def metrics(self):
        families = text_string_to_metric_families(self.get("/metrics").body.decode())
        return {
            " ".join(
                [sample.name, *(f"{sample.labels[name]}" for name in sorted(sample.labels))]
            ): sample.value
            for family in families
            for sample in family.samples
        }


def test_the_status_of_a_healthy_gateway():
    operator = Operator()
    operator.client()
    for path in ("/status", "/health", "/ready"):
        answer = operator.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json == {
            "version": __version__,
            "pid": 7,
            "started": 1000000.0,
            "healthy": True,
            "ready": True,
            "reasons": [],
            "peers": 1,
            "workers": [{"number": 1, "pid": 7, "healthy": True, "ready": True, "peers": 1}],
        }


@pytest.mark.parametrize(
    ("change", "reason"), [("bus_up", "the bus is not connected"), ("stopping", "the gateway is stopping")]
)
def test_a_gateway_that_cannot_serve_new_clients_is_not_ready_and_gives_the_reason(change, reason):
    operator = Operator()
    setattr(operator.world.gateway_state, change, change == "stopping")
    assert operator.get("/ready").status == 503
    assert operator.get("/ready").json["reasons"] == [reason]
    assert [operator.get(path).status for path in ("/health", "/status")] == [200, 200]
    assert not operator.get("/status").json["ready"]


def test_an_unavailable_authenticator_is_a_reason_but_closes_no_session():
    class Silent(Authority):
        silent = True

        def answer(self, question, now):
            return (
                succeed(Unavailable("connection refused")) if self.silent else super().answer(question, now)
            )

    silent = Silent()
    lookups = LookupCache(silent, label="wazo")
    operator = Operator([lookups])
    lookups.answer(WhoIs("x"), 0.0)
    answer = operator.get("/ready")
    assert (answer.status, answer.json["reasons"]) == (
        200,
        ["the authenticator wazo is unavailable: connection refused"],
    )
    silent.silent = False
    lookups.answer(WhoIs("x"), 0.0)
    assert operator.get("/ready").json["reasons"] == []
    metrics = operator.metrics()
    assert metrics["wsevents_auth_lookups_total unavailable wazo"] == 1
    assert metrics["wsevents_auth_lookups_total denied wazo"] == 1
    assert metrics["wsevents_auth_lookup_seconds_count wazo"] == 2


def test_sessions_are_listed_with_their_subscriptions():
    operator = Operator()
    operator.client()
    operator.world.publish("call_created", required="events.call_created")
    (session,) = operator.get("/sessions").json["sessions"]
    assert session == {
        "id": "7-1",
        "dialect": "wazo",
        "user": ANN.subject,
        "tenant": ANN.tenant,
        "address": "127.0.0.1",
        "port": session["port"],
        "since": 1000000.0,
        "subscriptions": ["call_created"],
        "received": 2,
        "delivered": 1,
        "queue": 0,
        "peak": session["peak"],
        "behind": False,
        "expires": ANN.expires,
    }


def test_sessions_can_be_filtered():
    operator = Operator()
    operator.client()
    operator.client("B")
    for query, users in (("", 2), ("?user=bob", 1), ("?user=bob&dialect=voipbin", 0), ("?id=7-1", 1)):
        assert len(operator.get(f"/sessions{query}").json["sessions"]) == users
    assert operator.get("/sessions?name=bob").status == 400


def test_a_session_can_be_kicked_and_gets_the_reason():
    operator = Operator()
    one, other = operator.client(), operator.client()
    assert operator.kick({"id": "7-2"}).json == {"kicked": 1}
    assert other.closed == (KICKED.code, KICKED.reason, True)
    assert one.closed is None
    (closed,) = operator.get("/sessions").json["closed"]
    assert (closed["id"], closed["code"], closed["meaning"]) == ("7-2", 1008, KICKED.meaning)
    assert operator.metrics()["wsevents_sessions_closed_total gateway 1008 wazo"] == 1


def test_all_sessions_of_a_user_can_be_kicked():
    operator = Operator()
    mine = [operator.client(), operator.client()]
    other = operator.client("B")
    assert operator.kick({"user": ANN.subject}).json == {"kicked": 2}
    assert [client.closed[0] for client in mine] == [1008, 1008]
    assert other.closed is None
    assert operator.kick({"user": ANN.subject}).json == {"kicked": 0}


@pytest.mark.parametrize(
    ("wanted", "status", "error"),
    [
        ({"id": "7-99"}, 404, "there is no session 7-99"),
        ({}, 400, "`id` or `user` is required"),
        ({"dialect": "wazo"}, 400, "`id` or `user` is required"),
        ({"user": 5}, 400, "user must be a non-empty string"),
        ({"uuid": "x"}, 400, "unknown filter 'uuid'; known filters: id, user, tenant, dialect"),
        (b"[]", 400, "the body must be a JSON object"),
        (b"{", 400, "the body must be a JSON object"),
        (b"\xff", 400, "the body must be a JSON object"),
    ],
)
def test_an_invalid_kick_closes_no_session(wanted, status, error):
    operator = Operator()
    client = operator.client()
    answer = operator.kick(wanted)
    assert (answer.status, answer.json) == (status, {"error": error})
    assert client.closed is None


@given(st.binary(max_size=50))
def test_arbitrary_bodies_close_no_session(body):
    operator = Operator()
    client = operator.client()
    assert operator.kick(body or b" ").status in {400, 404}
    assert client.closed is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (POST | {"Origin": "http://127.0.0.1:9503"}, 403),
        (POST | {"Sec-Fetch-Site": "cross-site"}, 403),
        (POST | {"Host": "rebound.example"}, 421),
        (HERE | {"Content-Type": "text/plain"}, 415),
        (HERE, 415),
    ],
)
def test_a_page_in_a_browser_cannot_kick(headers, status):
    operator = Operator()
    client = operator.client()
    assert operator.kick({"user": ANN.subject}, headers).status == status
    assert client.closed is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:9503", "localhost:9503", "LOCALHOST", "192.0.2.7:9503"])
def test_the_host_may_be_an_address(host):
    assert Operator().get("/sessions", {"Host": host}).status == 200


def test_a_request_without_a_host_is_answered():
    client = Operator().visitor
    client.transport.hostAddr = UNIXAddress("/run/status.sock")
    client.send(b"GET /sessions HTTP/1.0\r\n\r\n")
    assert client.answer().status == 200


@pytest.mark.parametrize("accept", [b"\xff", b"application/openmetrics-text; version=x"])
def test_an_invalid_accept_header_is_ignored(accept):
    client = Operator().visitor
    client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + b"\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")


def test_metrics_are_served_under_any_host():
    assert Operator().get("/metrics", {"Host": "gateway.example"}).status == 200
    assert Operator().get("/sessions", {"Host": "gateway.example"}).status == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/metrics", 405), ("GET", "/kick", 405)],
)
def test_any_other_path_or_method_is_an_error(method, path, status):
    answer = Operator().visitor.ask(method, path, POST)
    assert answer.status == status
    assert answer.json["error"]


class Silent:
    """A worker that does not answer."""

    pid = 8

    def __init__(self):
        self.asked = []

    def ask(self, name, argument=None):
        self.asked.append(Deferred())
        return self.asked[-1]


def test_a_client_that_disconnects_before_the_workers_answer_gets_no_response():
    worker = Silent()
    client = Visitor(make_status_site(WorkerProcesses(lambda: {1: worker}), 1000000.0, 7, Clock()))
    assert client.ask("GET", "/status", HERE) is None
    client.leave()  # what could not be written would be an unhandled error
    assert worker.asked[0].called
    assert client.answer() is None


def test_a_kick_that_has_not_reached_every_worker_is_an_error():
    there, silent = Silent(), Silent()
    client = Visitor(
        make_status_site(WorkerProcesses(lambda: {1: there, 2: silent, 3: None}), 1000000.0, 7, Clock())
    )
    assert client.ask("POST", "/kick", POST, b'{"id": "8-1"}') is None
    there.asked[0].callback(0)
    silent.asked[0].errback(RpcError("not responding"))
    answer = client.answer()
    assert answer.status == 503
    assert answer.json["error"].endswith("worker 2: not responding")


def test_a_response_to_head_has_no_body():
    answer = Operator().visitor.ask("HEAD", "/status", HERE)
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_sessions_and_events_are_counted():
    operator = Operator()
    operator.client()
    gone = operator.client("B")
    operator.world.client("ws://localhost/?token=X")
    operator.world.raw(b"nonsense\r\n\r\n")
    operator.world.publish("call_created", required="events.call_created")
    gone.sendClose(1000)
    operator.world.run()
    metrics = operator.metrics()
    expected = {
        "wsevents_peers wazo": 1,
        "wsevents_sessions_opened_total wazo": 3,
        "wsevents_sessions_closed_total peer 1000 wazo": 1,
        "wsevents_sessions_closed_total gateway 4002 wazo": 1,
        "wsevents_handshake_failures_total 400": 1,
        "wsevents_events_consumed_total": 1,
        "wsevents_events_matched_total": 1,
        "wsevents_events_delivered_total": 2,
        "wsevents_bus_connected": 1,
        "wsevents_workers": 1,
        "wsevents_workers_ready": 1,
        f"wsevents_build_info {__version__}": 1,
    }
    assert expected.items() <= metrics.items()
    assert metrics["wsevents_events_delivered_bytes_total"] == 2 * len(b'..{"a": 1}')
    assert metrics["wsevents_process_cpu_seconds_total"] > 0
    assert metrics["wsevents_process_open_files_max"] >= metrics["wsevents_process_open_files"] > 0


def test_the_latency_of_an_event_is_measured():
    operator = Operator()
    operator.client()
    flusher = operator.world.gateway_state.flusher
    operator.world.clock.advance(1)
    flusher.note_received(operator.world.now() - 0.3)
    operator.world.publish("call_created", required="events.call_created")
    assert operator.metrics()["wsevents_delivery_latency_seconds_bucket 0.25"] == 0
    assert operator.metrics()["wsevents_delivery_latency_seconds_bucket 0.5"] == 1
