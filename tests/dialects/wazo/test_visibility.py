"""The visibility table of the protocol, through source, index and relay."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api.events import Delivery, Dropped, Exchange
from wsevents.api.identity import Identity
from wsevents.api.settings import Config
from wsevents.core.index import Index
from wsevents.core.wazo_events import HeadersSource, TopicSource
from wsevents.dialects.wazo.dialect import WazoDialect
from wsevents.dialects.wazo.interest import interest, project

SOURCE = HeadersSource(Exchange("wazo-headers", "headers"), origin="here")
ALL = ("events.#",)
PEOPLE = {
    "user": Identity("u1", "t1", ALL),
    "colleague": Identity("u2", "t1", ALL),
    "admin": Identity("a1", "t1", ALL, reach="tenant"),
    "other": Identity("u3", "t2", ALL),
    "other admin": Identity("a2", "t2", ALL, reach="tenant"),
    "master": Identity("m", "t0", ALL, reach="all"),
    "no rights": Identity("u1", "t1", ("websocketd",)),
}


def who_sees(event, names=("*",)):
    index = Index()
    for name, identity in PEOPLE.items():
        index.subscribe(name, frozenset(interest(identity, one, "v1") for one in names))
    projection = project(event)
    seen = []
    for audience in index.at(projection.addresses):
        if audience.interest.choose(projection) is not None:
            seen += audience.peers
    assert len(seen) == len(set(seen)), "one copy each"
    return set(seen)


def decode(headers, body=b"{}", source=SOURCE):
    return source.decode(Delivery(body, headers, source.exchange.name, "", 0.0))


def headers(**more):
    return {"name": "e", "required_acl": "events.e", "origin_uuid": "here"} | more


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"tenant_uuid": "t1", "user_uuid:u1": True}, {"user", "admin", "master"}),
        ({"tenant_uuid": "t1", "user_uuid:*": True}, {"user", "colleague", "admin", "master"}),
        (
            {"tenant_uuid": "t1", "user_uuid:u1": True, "user_uuid:u2": True},
            {"user", "colleague", "admin", "master"},
        ),
        (
            {"tenant_uuid": "t1", "user_uuid:u1": True, "user_uuid:*": True},
            {"user", "colleague", "admin", "master"},
        ),
        ({"tenant_uuid": "t1"}, {"admin", "master"}),
        ({"tenant_uuid": "t1", "user_uuid:u1": False}, {"admin", "master"}),
        ({"tenant_uuid": "t1", "user_uuid:u1": "true"}, {"admin", "master"}),
        ({"tenant_uuid": "t1", "user_uuid:u1": 1}, {"admin", "master"}),
        ({"tenant_uuid": "t2", "user_uuid:u1": True}, {"other admin", "master"}),
        ({"user_uuid:u1": True}, {"master"}),
        ({}, {"master"}),
    ],
)
def test_the_headers_decide_by_tenant_and_user(more, seen):
    assert who_sees(decode(headers(**more))) == seen


def test_null_lets_everyone_of_the_audience_in_whatever_its_acl():
    event = decode(headers(tenant_uuid="t1", required_acl=None, **{"user_uuid:*": True}))
    assert who_sees(event) == {"user", "colleague", "admin", "master", "no rights"}


@pytest.mark.parametrize("required", [5, True, ["events.e"], b"\xff"])
def test_any_other_required_acl_drops_the_event(required):
    assert isinstance(decode(headers(required_acl=required)), Dropped)


def test_an_event_without_required_acl_in_its_headers_is_sent_to_no_client():
    assert isinstance(
        decode({"name": "e", "origin_uuid": "here"}, b'{"required_acl": null, "name": "e"}'), Dropped
    )


def test_bytes_are_decoded():
    assert decode(headers(required_acl=b"events.e")).required == "events.e"


def test_events_of_another_origin_are_sent_to_no_client():
    assert isinstance(decode(headers(origin_uuid="there")), Dropped)
    assert isinstance(decode({"name": "e", "required_acl": None}), Dropped)


def test_the_name_may_come_from_the_body():
    assert decode({"required_acl": None, "origin_uuid": "here"}, b'{"name": "b"}').name == "b"
    assert isinstance(decode({"required_acl": None, "origin_uuid": "here"}, b'{"name": 5}'), Dropped)


def test_only_the_names_that_were_asked_for_are_seen():
    event = decode(headers(tenant_uuid="t1", **{"user_uuid:*": True}))
    assert who_sees(event, names=("x", "e")) == {"user", "colleague", "admin", "master"}
    assert who_sees(event, names=("x",)) == set()
    assert who_sees(event, names=()) == set()


def topic(origin=None, **body):
    source = TopicSource(Exchange("xivo", "topic"), origin)
    return source.decode(Delivery(json.dumps(body).encode(), {}, "xivo", "calls.x", 0.0))


def test_on_the_topic_exchange_only_name_and_acl_decide():
    assert who_sees(topic(name="e", required_acl="events.e")) == set(PEOPLE) - {"no rights"}
    assert who_sees(topic(name="e", required_acl=None)) == set(PEOPLE)
    assert isinstance(topic(name="e"), Dropped)
    assert isinstance(topic(name="e", required_acl=5), Dropped)
    assert isinstance(topic(required_acl=None), Dropped)


def test_on_the_topic_exchange_an_origin_is_compared_only_if_there_is_one():
    assert who_sees(topic("here", name="e", required_acl=None)) == set(PEOPLE)
    assert who_sees(topic("here", name="e", required_acl=None, origin_uuid="here")) == set(PEOPLE)
    assert isinstance(topic("here", name="e", required_acl=None, origin_uuid="there"), Dropped)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'"x"', b'{"a": NaN}', b"\xef\xbb\xbf{}", b"[" * 100000, b'{"a":1']
)
def test_a_body_that_is_no_object_is_sent_to_no_client(body):
    dialect = WazoDialect.create(None, Config())
    event = decode(headers(), body)
    for shape in ("v1", "v2"):
        assert dialect.encode(dialect.project(event), shape, True) is None


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_version_1_gets_the_body_to_the_byte_and_version_2_the_same_wrapped(value):
    body = json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    dialect = WazoDialect.create(None, Config())
    projection = dialect.project(decode(headers(), body))
    if dialect.encode(projection, "v1", True) is None:
        assert b"\xed" in body, "only a lone surrogate is no UTF-8"
        return
    assert dialect.encode(projection, "v1", True) == body
    wrapped = dialect.encode(projection, "v2", True)
    assert body in wrapped
    assert json.loads(wrapped) == {"op": "event", "code": 0, "data": value}


def test_the_body_is_parsed_once_however_many_shapes_it_is_sent_in():
    dialect = WazoDialect.create(None, Config())
    projection = dialect.project(decode(headers(), b'{"a": 1}'))
    dialect.encode(projection, "v1", True)
    first = projection.event.body.json
    dialect.encode(projection, "v2", True)
    assert projection.event.body.json is first


header_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.lists(st.text())
)


@given(
    st.dictionaries(
        st.sampled_from(["name", "required_acl", "tenant_uuid", "user_uuid:*", "user_uuid:", "origin_uuid"])
        | st.text(),
        header_values,
    ),
    st.binary(max_size=30),
)
def test_no_delivery_makes_a_source_raise(headers, body):
    for source in (SOURCE, TopicSource(Exchange("xivo", "topic"))):
        event = decode(headers, body, source)
        assert isinstance(event, Dropped) or project(event).event is event
