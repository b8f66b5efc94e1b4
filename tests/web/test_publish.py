"""Publishing an event by hand."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.support.http_client import Visitor
from wsevents.api.errors import BusError
from wsevents.api.identity import Denied, Faulty, Identity, Unavailable, WhoIs
from wsevents.web.publish import PublishError, PublishResource, Target, read
from wsevents.web.site import BODY_MAX, make_site

TENANT, OTHER = "tenant-1", "tenant-2"
ADMIN = Identity("u", TENANT, ("#",), reach="tenant")
MASTER = Identity("m", TENANT, ("#",), reach="all")
JSON = {"Host": "x", "Content-Type": "application/json", "X-Auth-Token": "admin"}


class Authority:
    """Knows some tokens; what it says of others can be set."""

    def __init__(self):
        self.answers = {"admin": ADMIN, "master": MASTER}
        self.asked = []

    def answer(self, question, now):
        self.asked.append((question, now))
        found = self.answers.get(question.token, Denied("unknown"))
        return found if isinstance(found, Deferred) else succeed(found)


class Paper:
    """A bus that only remembers what was published."""

    def __init__(self):
        self.published = []
        self.result = lambda: succeed(None)

    def publish(self, exchange, key, headers, body):
        self.published.append((exchange, key, headers, body))
        return self.result()


class Room:
    def __init__(self):
        self.bus, self.authority, self.clock = Paper(), Authority(), Clock()
        target = Target(self.bus, "an-exchange", "origin")
        resource = PublishResource(target, self.authority, lambda: 1_800_000_000.0)
        self.visitor = Visitor(make_site(resource, reactor=self.clock))

    def post(self, order=None, headers=None, **fields):
        body = json.dumps(fields).encode() if order is None else order
        return self.visitor.ask("POST", "/publish", {**JSON, **(headers or {})}, body)


@pytest.fixture
def room():
    room = Room()
    yield room
    room.visitor.leave()
    assert room.clock.getDelayedCalls() == []


def test_an_event_is_published_as_wazo_would(room):
    answer = room.post(name="hello", data={"a": 1})
    assert answer.status == 202
    assert answer.headers["content-type"] == "application/json"
    ((exchange, key, headers, body),) = room.bus.published
    assert (exchange, key) == ("an-exchange", "hello")
    assert answer.body == body
    assert answer.json == {**headers, "data": {"a": 1}}
    assert headers["name"] == "hello"
    assert headers["tenant_uuid"] == TENANT
    assert headers["user_uuid:*"] is True
    assert headers["required_acl"] == "events.hello"
    assert headers["origin_uuid"] == "origin"


def test_the_time_of_an_event_is_local_as_wazo_has_it(room, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        answer = room.post(name="hello", data={})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert answer.json["timestamp"] == "2027-01-15T17:00:00.000000"


def test_the_authority_is_asked_about_the_token(room):
    room.post(name="hello", data={})
    assert room.authority.asked == [(WhoIs("admin"), 1_800_000_000.0)]


def test_an_event_can_be_for_one_user_and_need_another_right(room):
    room.post(name="hello", data={}, user_uuid="u7", required_acl="events.calls.u7")
    headers = room.bus.published[0][2]
    assert headers["user_uuid:u7"] is True
    assert "user_uuid:*" not in headers
    assert headers["required_acl"] == "events.calls.u7"


def test_null_means_every_user_and_no_right(room):
    room.post(name="hello", data={}, user_uuid=None, required_acl=None)
    headers = room.bus.published[0][2]
    assert headers["user_uuid:*"] is True
    assert headers["required_acl"] is None


def test_another_tenant_is_only_for_who_sees_all(room):
    refused = room.post(name="hello", data={}, tenant_uuid=OTHER)
    assert (refused.status, room.bus.published) == (403, [])
    assert "tenant" in refused.json["error"]
    assert room.post(name="hello", data={}, tenant_uuid=TENANT).status == 202
    assert room.post(None, {"X-Auth-Token": "master"}, name="hello", data={}, tenant_uuid=OTHER).status == 202
    assert room.bus.published[-1][2]["tenant_uuid"] == OTHER


@pytest.mark.parametrize("answer", [Denied("no"), Faulty("odd")])
def test_a_token_that_is_not_good_is_refused(room, answer):
    room.authority.answers["admin"] = answer
    refused = room.post(name="hello", data={})
    assert (refused.status, refused.phrase, room.bus.published) == (401, "Unauthorized", [])
    assert "token" in refused.json["error"]


def test_without_a_token_nobody_is_asked(room):
    assert room.post(None, {"X-Auth-Token": ""}, name="hello", data={}).status == 401
    assert room.authority.asked == []


def test_a_token_in_the_address_does_not_count(room):
    answer = room.visitor.ask(
        "POST", "/publish?token=admin", {**JSON, "X-Auth-Token": ""}, b'{"name": "x", "data": {}}'
    )
    assert answer.status == 401


def test_an_authority_that_does_not_answer_is_not_the_tokens_fault(room):
    room.authority.answers["admin"] = Unavailable("down")
    assert room.post(name="hello", data={}).status == 503


def test_a_bus_that_does_not_take_it_is_said(room):
    room.bus.result = lambda: fail(BusError("not connected"))
    answer = room.post(name="hello", data={})
    assert answer.status == 503
    assert "not connected" in answer.json["error"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_foreign_page_can_send_unasked_is_refused(room, kind):
    answer = room.post(None, {"Content-Type": kind}, name="hello", data={})
    assert (answer.status, room.bus.published, room.authority.asked) == (415, [], [])


def test_the_content_type_may_name_its_charset(room):
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert room.post(None, kind, name="hello", data={}).status == 202


@pytest.mark.parametrize(
    ("order", "about"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "object"),
        (b"\xff", "JSON"),
        (b'{"data": {}}', "name"),
        (b'{"name": "", "data": {}}', "name"),
        (b'{"name": " ", "data": {}}', "name"),
        (b'{"name": 1, "data": {}}', "name"),
        (b'{"name": null, "data": {}}', "name"),
        (b'{"name": "\\ud800", "data": {}}', "name"),
        (b'{"name": "' + b"x" * 256 + b'", "data": {}}', "name"),
        (b'{"name": "x"}', "data"),
        (b'{"name": "x", "data": []}', "data"),
        (b'{"name": "x", "data": null}', "data"),
        (b'{"name": "x", "data": {"big": 1e999}}', "number"),
        (b'{"name": "x", "data": {"nan": NaN}}', "JSON"),
        (b'{"name": "x", "data": {}, "tenant_uuid": null}', "tenant_uuid"),
        (b'{"name": "x", "data": {}, "tenant_uuid": 1}', "tenant_uuid"),
        (b'{"name": "x", "data": {}, "user_uuid": 1}', "user_uuid"),
        (b'{"name": "x", "data": {}, "user_uuid": ""}', "user_uuid"),
        (b'{"name": "x", "data": {}, "required_acl": true}', "required_acl"),
        (b'{"name": "x", "data": {}, "user": "u"}', "unknown: user"),
        (b'{"name": "x", "data": {"a": ' + b"[" * 20000 + b"]" * 20000 + b"}}", "nested"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_word_about_it(room, order, about):
    answer = room.post(order)
    assert answer.status == 400
    assert about in answer.json["error"]
    assert room.bus.published == []


@pytest.mark.parametrize("depth", range(900, 1000, 7))
def test_no_depth_is_read_that_cannot_be_written(room, depth):
    answer = room.post(b'{"name": "x", "data": {"a": ' + b"[" * depth + b"]" * depth + b"}}")
    assert answer.status in {202, 400}


def test_too_large_an_event_is_refused(room):
    assert room.post(b"x" * (BODY_MAX + 1)).status == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_publishes(room, method):
    assert room.visitor.ask(method, "/publish", JSON).status == 426


def test_whoever_leaves_before_the_answer_is_forgotten(room):
    cancelled = []
    room.authority.answers["admin"] = Deferred(cancelled.append)
    assert room.post(name="hello", data={}) is None
    room.visitor.leave()
    assert len(cancelled) == 1
    assert room.bus.published == []


def test_an_answer_may_take_its_time(room):
    later = Deferred()
    room.authority.answers["admin"] = later
    assert room.post(name="hello", data={}) is None
    later.callback(ADMIN)
    assert room.visitor.answer().status == 202


def test_a_mistake_is_logged_and_answered(room, errors):
    room.authority.answers["admin"] = fail(ZeroDivisionError())
    answer = room.post(name="hello", data={})
    assert answer.status == 500
    assert "error" in answer.json
    assert len(errors.flush(ZeroDivisionError)) == 1


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "data", "tenant_uuid", "user_uuid", "required_acl"]) | st.text(max_size=3)


@given(st.dictionaries(KEYS, JSONS).map(lambda order: json.dumps(order).encode()) | st.binary())
def test_any_order_is_understood_or_refused(text):
    try:
        happening = read(text, ADMIN)
    except PublishError as refusal:
        assert refusal.status in {400, 403}
        assert str(refusal)
    else:
        assert happening.name
        assert happening.tenant == TENANT
