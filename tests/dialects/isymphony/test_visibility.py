"""Visibility by tenant, ACL and filters: the index finds the same peers as a check of every peer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.isymphony_accounts import BOSS, ONE, settings
from wsevents.api.events import Delivery, Dropped, Exchange
from wsevents.api.identity import Identity
from wsevents.api.settings import Config
from wsevents.core.index import Index
from wsevents.core.wazo_events import HeadersSource, TopicSource
from wsevents.dialects.isymphony.dialect import IsymphonyDialect
from wsevents.dialects.isymphony.filters import EVERYTHING, compile_filters, texts
from wsevents.dialects.isymphony.interest import INDEXED, interest

DIALECT = IsymphonyDialect.create(settings(), Config())
HEADERS = HeadersSource(Exchange("wazo-headers", "headers"))
TOPIC = TopicSource(Exchange("xivo", "topic"))
PEOPLE = {
    "boss": BOSS,
    "one": ONE,
    "two": Identity("two", "t2", ("events.#",), reach="tenant"),
    "shy": Identity("shy", "t1", (), reach="tenant"),
    "me": Identity("me", "t1", ("events.me",), reach="tenant"),
    "not": Identity("not", "-", ("#", "!events.secret"), reach="all"),
}


def index(wishes):
    found = Index()
    for name, filters in wishes.items():
        found.subscribe(name, frozenset({interest(PEOPLE[name], filters)}))
    return found


def sees(delivery, wishes=None, source=HEADERS):
    event = source.decode(delivery)
    if isinstance(event, Dropped):
        return event
    projection = DIALECT.project(event)
    audiences = index(wishes or dict.fromkeys(PEOPLE, EVERYTHING)).at(projection.addresses)
    return {peer for one in audiences if one.interest.choose(projection) for peer in one.peers}


def headers(body=b'{"data": {}}', **fields):
    named = {name: value for name, value in fields.items() if value is not ...}
    return Delivery(body, {"name": "e", **named}, "wazo-headers", "", 1.0)


def topic(**fields):
    return Delivery(json.dumps({"name": "e", **fields}).encode(), {}, "xivo", "", 1.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"required_acl": "events.x", "tenant_uuid": "t1"}, {"boss", "one", "not"}),
        ({"required_acl": "events.x", "tenant_uuid": "t2"}, {"boss", "two", "not"}),
        ({"required_acl": "events.x"}, {"boss", "not"}),
        ({"required_acl": "calls.x", "tenant_uuid": "t1"}, {"boss", "not"}),
        ({"required_acl": "events.secret", "tenant_uuid": "t1"}, {"boss", "one"}),
        ({"required_acl": None, "tenant_uuid": "t1"}, {"boss", "one", "shy", "me", "not"}),
        ({"required_acl": None}, {"boss", "not"}),
        ({"required_acl": "events.me", "tenant_uuid": "t1"}, {"boss", "one", "me", "not"}),
        ({"required_acl": "events.x", "tenant_uuid": "t1", "user_uuid:u": True}, {"boss", "one", "not"}),
        ({"required_acl": "events.x", "tenant_uuid": ""}, {"boss", "not"}),
        ({"required_acl": "events.x", "tenant_uuid": "-"}, {"boss", "not"}),
        ({"required_acl": "events.x", "tenant_uuid": 5}, {"boss", "not"}),
    ],
)
def test_tenant_and_acl_decide(fields, expected):
    assert sees(headers(**fields)) == expected


def test_an_event_without_required_acl_is_sent_to_no_client():
    assert isinstance(sees(headers(tenant_uuid="t1")), Dropped)
    assert isinstance(sees(topic(), source=TOPIC), Dropped)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"required_acl": "events.x"}, {"boss", "one", "two", "not"}),
        ({"required_acl": None}, set(PEOPLE)),
        ({"required_acl": "events.x", "tenant_uuid": "t1"}, {"boss", "one", "not"}),
    ],
)
def test_on_the_topic_exchange_an_event_without_tenant_is_every_accounts(fields, expected):
    assert sees(topic(**fields), source=TOPIC) == expected


def test_filters_come_on_top():
    wishes = {
        "boss": compile_filters([("type", "dial")]),
        "one": compile_filters([("callSegmentId", "7")]),
        "not": compile_filters([("type", "hangup")]),
    }
    body = b'{"data": {"call_id": 7}}'
    delivery = headers(body, name="call_created", required_acl="events.x", tenant_uuid="t1")
    assert sees(delivery, wishes) == {"boss", "one"}


def test_a_body_that_is_no_object_matches_no_filter_on_a_property():
    wishes = {"boss": compile_filters([("a", "*")]), "one": EVERYTHING}
    delivery = headers(b"no", required_acl="events.x", tenant_uuid="t1")
    assert sees(delivery, wishes) == {"one"}, "it is found unfit when it is encoded"


def test_an_interest_in_types_is_a_candidate_for_these_types_only():
    wishes = {
        "boss": compile_filters([("type", "dial")]),
        "one": compile_filters([("type", "other"), ("x", "*")]),
    }
    event = HEADERS.decode(headers(name="call_created", required_acl="events.x", tenant_uuid="t1"))
    assert [one.interest.filters for one in index(wishes).at(DIALECT.project(event).addresses)] == [
        wishes["boss"]
    ]


def test_an_interest_in_very_many_types_has_few_addresses_and_gets_all_of_them():
    many = compile_filters(("type", f"t{number}") for number in range(INDEXED + 1))
    assert len(interest(ONE, many).addresses) == 2
    wishes = {"one": many}
    for name, expected in (("t64", {"one"}), ("t65", set())):
        assert sees(headers(name=name, required_acl="events.x", tenant_uuid="t1"), wishes) == expected


def test_clients_that_see_the_same_events_are_one_audience():
    other = Identity("other", "t1", ("events.#",), reach="tenant")
    assert interest(ONE, EVERYTHING) == interest(other, EVERYTHING)
    assert interest(PEOPLE["me"], EVERYTHING) != interest(
        Identity("x", "t1", ("events.me",), reach="tenant"), EVERYTHING
    )


def test_an_event_named_like_the_wildcard_is_nothing_special():
    wishes = {"boss": compile_filters([("type", "dial")]), "not": compile_filters([("type", "*")])}
    assert sees(headers(name="*", required_acl=None), wishes) == {"not"}


kinds = st.sampled_from(["callHeld", "dial", "*"])
pairs = st.lists(
    st.tuples(st.just("type"), kinds)
    | st.tuples(st.sampled_from(["a", "callSegmentId"]), st.sampled_from(["*", "1", "x"])),
    max_size=4,
)


@given(
    st.dictionaries(st.sampled_from(sorted(PEOPLE)), pairs, min_size=1),
    st.sampled_from(["call_held", "call_created"]),
    st.sampled_from(["t1", "t2", None]),
    st.sampled_from([None, "events.x", "events.me", "calls.x"]),
    st.dictionaries(st.sampled_from(["a", "call_id"]), st.sampled_from([1, "x", None, 1.0, []])),
)
def test_the_index_finds_the_same_audiences_as_a_full_search(wishes, name, tenant, required, data):
    wishes = {person: compile_filters(filters) for person, filters in wishes.items()}
    body = json.dumps({"data": data}).encode()
    delivery = headers(body, name=name, required_acl=required, tenant_uuid=tenant)
    projection = DIALECT.project(HEADERS.decode(delivery))
    properties = texts(projection.mapped.properties)
    expected = {
        person
        for person, filters in wishes.items()
        if PEOPLE[person].reach == "all" or PEOPLE[person].tenant == tenant
        if interest(PEOPLE[person], filters).access.may_see(required, person)
        if filters.matches(properties["type"], properties)
    }
    assert sees(delivery, wishes) == expected
