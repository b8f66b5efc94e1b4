"""What is delivered: prefixes, one frame per event, tenants and ACLs, and what is bound for it."""

import json
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.dialects.voipbin.test_command import JSON
from tests.support.voipbin import (
    ADMIN,
    AGENT,
    CALL,
    CUSTOMER,
    EXCHANGE,
    OTHER,
    PLAIN,
    QUEUE,
    STRANGER,
    SUPER_ADMIN,
    call,
    claims,
    of_agent,
    topic,
)
from wsevents.api.events import Binding, Delivery, Dropped, Event, Exchange
from wsevents.api.interests import IInterest, IProjection
from wsevents.api.interfaces import IDialect, ISession, ISource
from wsevents.api.settings import Config
from wsevents.core.http_head import make_request
from wsevents.core.index import Index
from wsevents.core.wazo_events import HeadersSource
from wsevents.dialects.voipbin.claims import identity_of
from wsevents.dialects.voipbin.dialect import VoipbinDialect
from wsevents.dialects.voipbin.interest import interest
from wsevents.dialects.voipbin.settings import Acl, Generic, VoipbinSettings

DIALECT = VoipbinDialect.create(VoipbinSettings(), Config())
(SOURCE,) = DIALECT.sources
GENERIC = HeadersSource(Exchange("wazo-headers", "headers"))


def of(permission=ADMIN):
    return identity_of(claims(permission), Acl(), 0.0)


def wish(*topics, who=None, shape="superset"):
    return interest(who or of(), topics, shape, EXCHANGE)


def event(kind="call_created", key=None, **more):
    """Return the projection of an event of VoIPBIN, of its customer's message unless the key says so."""
    resource = call(**more)
    body = json.dumps({"type": kind, "data": resource}).encode()
    return DIALECT.project(
        SOURCE.decode(Delivery(body, {}, EXCHANGE, key or f"customer_id.{CUSTOMER}.x", 1.0))
    )


def generic(name="call_created", tenant=CUSTOMER, required=None, users=(), body=None, everyone=False):
    headers = {"name": name, "tenant_uuid": tenant, "required_acl": required}
    headers |= {f"user_uuid:{user}": True for user in users} | ({"user_uuid:*": True} if everyone else {})
    raw = json.dumps({"name": name, "data": {"id": CALL}} if body is None else body).encode()
    found = GENERIC.decode(Delivery(raw, headers, "wazo-headers", "", 1.0))
    return found if isinstance(found, Dropped) else DIALECT.project(found)


def test_each_part_keeps_its_interface():
    assert verifyObject(IDialect, DIALECT)
    assert verifyObject(ISource, SOURCE)
    assert verifyObject(IInterest, wish(topic()))
    assert verifyObject(IProjection, event())
    assert verifyObject(ISession, DIALECT.session(make_request("/v1.0/ws", {}), Random(1)))


def test_it_is_served_at_its_paths_and_nowhere_else():
    assert [
        path for path in ("/v1.0/ws", "/v1.0/service_agents/ws", "/", "/v1.0/ws/") if DIALECT.serves(path)
    ] == [
        "/v1.0/ws",
        "/v1.0/service_agents/ws",
    ]


def test_it_pings_every_10_seconds_and_gives_60_for_a_pong():
    assert (DIALECT.policy.ping_interval, DIALECT.policy.pong_deadline) == (10, 60)
    slow = VoipbinDialect.create(VoipbinSettings(ping_interval=0, pong_timeout=0), Config())
    assert (slow.policy.ping_interval, slow.policy.pong_deadline) == (0, 0)


# -- prefixes


@pytest.mark.parametrize(
    ("subscribed", "found"),
    [
        (topic("call", CALL), topic("call", CALL)),
        (topic("call", CALL[:5]), topic("call", CALL)),
        (topic("call"), topic("call", CALL)),
        (topic("call", "*"), topic("call", CALL)),
        (topic("ca"), topic("call", CALL)),
        (topic(), topic("call", CALL)),
        (topic("*"), topic("call", CALL)),
        (topic("call", "call_created"), topic("call", "call_created", CALL)),
        (topic("call", "call_created", "*"), topic("call", "call_created", CALL)),
        (topic("message"), None),
        (topic("call", CALL, "more"), None),
        (topic("*", CALL), None),
        (topic("Call"), None),
        (topic("call").upper(), None),
    ],
)
def test_a_topic_matches_as_a_prefix_or_with_a_star_at_its_end(subscribed, found):
    assert wish(subscribed).choose(event()) == found


def test_an_uppercase_uuid_is_taken_and_matches_nothing():
    upper = "ABCDEFAB-1111-4111-8111-111111111111"
    who = evolve(of(), tenant=upper.lower())
    assert wish(topic(customer=upper), who=who).choose(event(key="x", customer_id=upper)) is None
    assert wish(topic(customer=upper.lower()), who=who).choose(event(key="x", customer_id=upper))


def test_queue_also_matches_queuecall():
    assert wish(topic("queue")).choose(event("queuecall_created", queue_id=QUEUE)) == topic("queuecall", CALL)
    assert wish(topic("queue", "*")).choose(event("queuecall_created", queue_id=QUEUE)) == topic(
        "queue", QUEUE
    )


def test_the_first_published_topic_counts_whatever_the_order_of_subscription():
    wishes = wish(of_agent("call", "call_created"), topic("call", "call_created"), of_agent(), topic())
    assert wishes.choose(event(owner_id=AGENT)) == topic("call", CALL)


def test_no_topic_at_all_matches_nothing():
    assert wish().choose(event()) is None


# -- one frame of an event, though the bus has it several times


COPIES = [f"customer_id.{CUSTOMER}.call.x", f"agent_id.{AGENT}.call.x", f"agent_id.{OTHER}.chat.x"]
TOPICS = [
    topic(),
    topic("call"),
    topic("chat"),
    of_agent(),
    of_agent("chat"),
    of_agent("queue", "*"),
    of_agent("ca"),
]


@given(
    st.lists(st.sampled_from(TOPICS), min_size=1),
    st.sampled_from(["call_created", "chatmessage_created", "queuecall_created"]),
    st.booleans(),
)
def test_of_all_messages_of_an_event_one_counts_and_its_bindings_bring_it(topics, kind, owned):
    more = {
        "owner_id": AGENT if owned else OTHER,
        "participant_ids": [AGENT, OTHER],
        "service_agent_id": AGENT,
    }
    wishes = wish(*topics)
    topics_of = event(kind, **more).publication.topics
    wanted = any(one.startswith(wishes.prefixes) for one in topics_of)
    family = kind.partition("_")[0]
    agents = {AGENT if owned else OTHER} | ({AGENT, OTHER} if family == "chatmessage" else set())
    keys = [f"customer_id.{CUSTOMER}.{family}.{kind}.{CALL}"]
    keys += [f"agent_id.{agent}.{family}.{kind}.{CALL}" for agent in agents]
    patterns = [binding.key for binding in wishes.bindings]
    brought = [key for key in keys if any(bound(pattern, key) for pattern in patterns)]
    chosen = [wishes.choose(event(kind, key, **more)) for key in brought]
    assert len([one for one in chosen if one]) == wanted
    assert len([key for key in keys if wishes.choose(event(kind, key, **more))]) == wanted


def bound(pattern, key):
    return key.startswith(pattern.removesuffix("#"))


def test_a_message_without_a_scope_in_its_key_serves_all_topics():
    assert wish(of_agent()).choose(event(key="x", owner_id=AGENT)) == of_agent("call", CALL)


@pytest.mark.parametrize("shape", ["bare", "wrapped"])
def test_a_frame_that_does_not_name_the_topic_is_the_same_for_all(shape):
    assert {wish(one, shape=shape).choose(event()) for one in (topic(), topic("call", "call_created"))} == {
        True
    }


# -- tenants and ACLs


def test_another_customers_events_are_not_seen():
    assert wish(topic()).choose(event(customer_id=STRANGER)) is None
    assert (
        wish(of_agent()).choose(event(key=f"agent_id.{AGENT}.x", customer_id=STRANGER, owner_id=AGENT))
        is None
    )
    assert wish(of_agent()).choose(generic(tenant=STRANGER, users=[AGENT])) is None
    root = wish("", who=of(SUPER_ADMIN))
    assert root.choose(event(customer_id=STRANGER, key=f"customer_id.{STRANGER}.x"))


@pytest.mark.parametrize(
    ("permission", "required", "sees"),
    [
        (ADMIN, None, True),
        (ADMIN, "events.calls.x", True),
        (SUPER_ADMIN, "events.calls.x", True),
        (PLAIN, None, True),
        (PLAIN, "events.calls.x", False),
        (PLAIN, f"events.calls.{AGENT}", True),
        (PLAIN, f"events.users.{AGENT}.created", True),
        (PLAIN, f"events.calls.{OTHER}", False),
    ],
)
def test_the_required_acl_holds(permission, required, sees):
    wishes = wish(of_agent(), who=of(permission))
    assert (wishes.choose(generic(required=required, users=[AGENT])) is not None) is sees


def test_an_event_without_required_acl_is_sent_to_no_client():
    raw = b'{"name": "call_created"}'
    headers = {"name": "call_created", "tenant_uuid": CUSTOMER, "user_uuid:*": True}
    assert isinstance(GENERIC.decode(Delivery(raw, headers, "wazo-headers", "", 1.0)), Dropped)


def test_equal_wishes_make_one_audience_but_an_agents_acl_makes_its_own():
    other = evolve(of(), subject=OTHER)
    assert wish(topic("call"), topic()) == wish(topic(), topic("call"), topic("*"), who=other)
    assert wish(topic("call"), who=of(PLAIN)) != wish(topic("call"), who=evolve(of(PLAIN), subject=OTHER))


# -- generic events


def test_a_generic_event_is_for_its_tenant_and_its_users():
    found = generic("agent_status_update", users=[AGENT], body={"name": "x", "data": {"uuid": OTHER}})
    assert found.publication.type == "agent_status_updated"
    assert found.publication.resource == {"uuid": OTHER, "id": OTHER, "customer_id": CUSTOMER}
    assert found.publication.topics[:2] == (topic("agent", OTHER), of_agent("agent", OTHER))


def test_a_body_without_data_is_the_resource_itself():
    assert generic(body={"id": 5, "x": None}).publication.resource == {
        "id": 5,
        "x": None,
        "customer_id": CUSTOMER,
    }


@pytest.mark.parametrize(
    "odd", [{"tenant": "t1"}, {"tenant": None}, {"name": "nounderscore"}, {"body": []}], ids=str
)
def test_an_event_that_voipbin_does_not_have_is_sent_to_no_client(odd):
    assert generic(**odd) is None


def test_names_and_properties_are_as_configured():
    section = VoipbinSettings(generic=Generic(names={"x": "call_created"}, properties={"status": ["state"]}))
    dialect = VoipbinDialect.create(section, Config())
    raw = b'{"name": "x", "data": {"state": "up"}}'
    headers = {"name": "x", "tenant_uuid": CUSTOMER, "required_acl": None}
    found = dialect.project(GENERIC.decode(Delivery(raw, headers, "wazo-headers", "", 1.0)))
    assert (found.publication.type, found.publication.resource["status"]) == ("call_created", "up")
    off = VoipbinDialect.create(VoipbinSettings(generic=None, source=None), Config())
    assert off.project(GENERIC.decode(Delivery(raw, headers, "wazo-headers", "", 1.0))) is None
    assert off.sources == ()


@given(JSON, st.sampled_from(["call_created", "chat_x", "queuecall_x"]))
def test_no_generic_body_is_too_odd(body, name):
    assert DIALECT.encode(generic(name, body={"data": body}), "superset", "t")
    found = generic(name, body=[] if body is None else body)
    assert isinstance(body, dict) == (found is not None)
    assert found is None or DIALECT.encode(found, "superset", "t")


# -- VoIPBIN's own events


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"type": "call_created"}',
        b'{"type": "nounderscore", "data": {}}',
        b'{"type": 1, "data": {}}',
        b'{"type": "call_created", "data": []}',
        b'{"type": "call_created", "data": {"customer_id": "00000000-0000-0000-0000-000000000000"}}',
    ],
)
def test_what_is_no_event_is_dropped(body):
    assert isinstance(SOURCE.decode(Delivery(body, {}, EXCHANGE, "", 1.0)), Dropped)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.text())
def test_no_body_and_no_key_is_too_odd(body, key):
    found = SOURCE.decode(Delivery(body, {}, EXCHANGE, key, 1.0))
    assert isinstance(found, Event | Dropped)
    assert isinstance(found, Dropped) or json.loads(body)["type"] == found.name


@given(
    st.dictionaries(
        st.sampled_from(["customer_id", "owner_id", "id", "participants"]), JSON | st.just(CUSTOMER)
    ),
    st.text(),
)
def test_no_resource_is_too_odd(resource, key):
    body = json.dumps({"type": "chat_created", "data": resource}).encode()
    found = SOURCE.decode(Delivery(body, {}, EXCHANGE, key, 1.0))
    if not isinstance(found, Dropped):
        assert DIALECT.encode(DIALECT.project(found), "superset", "t")


# -- what is bound, and where it is found


@pytest.mark.parametrize(
    ("topics", "permission", "keys"),
    [
        ([topic("call"), topic("message"), topic()], ADMIN, [f"customer_id.{CUSTOMER}.#"]),
        ([of_agent("call")], PLAIN, [f"agent_id.{AGENT}.#"]),
        ([of_agent()], PLAIN, [f"agent_id.{AGENT}.#", f"customer_id.{CUSTOMER}.queuecall.#"]),
        ([of_agent("queue", "*")], PLAIN, [f"agent_id.{AGENT}.#", f"customer_id.{CUSTOMER}.queuecall.#"]),
        ([of_agent("queue", agent=OTHER)], SUPER_ADMIN, [f"agent_id.{OTHER}.#", "customer_id.*.queuecall.#"]),
        (["customer_id:123", "customer_id:"], SUPER_ADMIN, ["customer_id.#"]),
        (["", "agent", "x\ud800"], SUPER_ADMIN, ["#"]),
    ],
)
def test_what_topics_need_is_bound(topics, permission, keys):
    assert wish(*topics, who=of(permission)).bindings == tuple(Binding(EXCHANGE, key) for key in keys)


def test_without_a_source_nothing_is_bound():
    assert interest(of(), [topic()], "bare", None).bindings == ()


@given(st.lists(st.sampled_from([*TOPICS, "", "cust", topic(customer=STRANGER)]), min_size=1), st.booleans())
def test_an_event_reaches_every_client_that_subscribed_to_it(topics, owned):
    index = Index()
    wishes = wish(*topics, who=of(SUPER_ADMIN))
    index.subscribe("peer", frozenset({wishes}))
    found = event(owner_id=AGENT) if owned else event()
    assert not wishes.choose(found) or [one.interest for one in index.at(found.addresses)] == [wishes]
