"""Which events reach which app, and what they look like: through the relay, as in the gateway."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.innovaphone.test_session import APPS, PATH
from wsevents.api.effects import Subscribe
from wsevents.api.events import Delivery, Exchange
from wsevents.api.requests import Request
from wsevents.api.settings import Config
from wsevents.core.wazo_events import HeadersSource, TopicSource
from wsevents.delivery.relay import DialectIndex, Relay
from wsevents.dialects.innovaphone import InnovaphoneDialect
from wsevents.dialects.innovaphone.filter import make_filter
from wsevents.dialects.innovaphone.login import AppLogin, login_message
from wsevents.dialects.innovaphone.settings import InnovaphoneApp, InnovaphoneSettings

from random import Random  # isort: skip


class Gateway:
    """A relay and apps that receive its events."""

    def __init__(self, data="data", **apps):
        self.apps = apps
        settings = InnovaphoneSettings(apps=apps or APPS, data=data)
        self.dialect = InnovaphoneDialect.create(settings, Config())
        self.relay = Relay(
            {
                "new": [HeadersSource(Exchange("new", "headers"))],
                "old": [TopicSource(Exchange("old", "topic"))],
            },
            [DialectIndex(self.dialect)],
        )

    def app(self, name="demo", *subscriptions):
        return App(self, name, subscriptions or [{"src": "s", "events": "*"}])

    def publish(self, name="call_created", body=None, tenant="t1", **headers):
        raw = body if isinstance(body, bytes) else json.dumps({"name": name} | (body or {})).encode()
        headers = {"name": name, "tenant_uuid": tenant, "required_acl": "events.calls"} | headers
        headers = {key: value for key, value in headers.items() if value is not ...}
        self.relay.delivered(Delivery(raw, headers, "new", "", 0.0))


class App:
    def __init__(self, gateway, name, subscriptions):
        self.heard = []
        session = gateway.dialect.session(Request(PATH, {}, {}), Random(1))
        (said,) = session.received('{"mt":"AppChallenge"}', 0.0)
        digest = AppLogin(name).digest(
            json.loads(said.text)["challenge"], gateway.dialect.own.apps[name].password
        )
        assert '"ok":true' in session.received(login_message(AppLogin(name), digest), 0.0)[1].text
        for subscription in subscriptions:
            for effect in session.received(json.dumps({"mt": "Subscribe"} | subscription), 0.0):
                if isinstance(effect, Subscribe):
                    gateway.relay.subscribe(gateway.dialect, self, effect.interests)

    def event(self, message):
        self.heard.append(message.payload.decode())

    @property
    def names(self):
        return [json.loads(text)["name"] for text in self.heard]


def test_an_event_says_its_name_and_its_data_as_published():
    gateway = Gateway()
    app = gateway.app()
    body = b'{"name": "x", "data": {"n": 12345678901234567890.10, "u": "\\u00e9 \xc3\xa9"}, "more": 1}'
    gateway.publish('a "name"', body)
    (heard,) = app.heard
    assert heard == (
        '{"mt":"Event","api":"Events","src":"s","name":"a \\"name\\"",'
        '"data":{"n": 12345678901234567890.10, "u": "\\u00e9 é"}}'
    )


@pytest.mark.parametrize(
    ("key", "body", "data"),
    [
        ("data", {"a": 1}, {"name": "call_created", "a": 1}),
        (None, {"data": {"a": 1}}, {"name": "call_created", "data": {"a": 1}}),
        ("data", {"data": None}, None),
        ("data", {"data": [1]}, [1]),
        ("payload", {"payload": {"b": 2}, "data": 1}, {"b": 2}),
        ("data", b'{"data": 1, "data": 2}', 2),
    ],
)
def test_what_apps_get_as_data_is_configured(key, body, data):
    gateway = Gateway(data=key)
    app = gateway.app()
    gateway.publish(body=body)
    assert [json.loads(text)["data"] for text in app.heard] == [data]


def test_a_subscription_without_src_has_events_without_one():
    gateway = Gateway()
    app = gateway.app("demo", {"events": ["call_created"]})
    gateway.publish(body={"data": 1})
    assert app.heard == ['{"mt":"Event","api":"Events","name":"call_created","data":1}']


def test_each_subscription_that_matches_has_its_event_with_its_src():
    gateway = Gateway()
    app = gateway.app(
        "demo",
        {"src": "one", "events": ["call_created", "*"]},
        {"src": {"two": [2]}, "events": ["call_created", "x"]},
        {"src": "three", "events": ["call_ended"]},
    )
    gateway.publish()
    assert sorted(app.heard, key=len) == [
        f'{{"mt":"Event","api":"Events","src":{src},"name":"call_created","data":{{"name": "call_created"}}}}'
        for src in ('"one"', '{"two": [2]}')
    ]


ANY = InnovaphoneApp(password="p", acl=["#"])
OF_T1 = InnovaphoneApp(password="p", tenant_uuid="t1", acl=["events.calls", "events.x.#"])
SOME = InnovaphoneApp(password="p", acl=["events.me", "!events.calls"])
NONE = InnovaphoneApp(password="p", tenant_uuid="t1")


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({}, {"any", "of_t1"}),
        ({"tenant": "t2"}, {"any"}),
        ({"tenant": None}, {"any"}),
        ({"tenant": "*"}, {"any"}),
        ({"required_acl": None}, {"any", "of_t1", "some", "none"}),
        ({"required_acl": None, "tenant": "t2"}, {"any", "some"}),
        ({"required_acl": "events.y"}, {"any"}),
        ({"required_acl": "events.some"}, {"any", "some"}),
        ({"required_acl": ...}, set()),
        ({"required_acl": 5}, set()),
        ({"body": b"no JSON"}, set()),
        ({"body": b"[]"}, set()),
    ],
)
def test_tenant_and_acl_decide_who_sees_an_event(headers, who):
    gateway = Gateway(any=ANY, of_t1=OF_T1, some=SOME, none=NONE)
    apps = {name: gateway.app(name) for name in gateway.apps}
    gateway.publish(**headers)
    assert {name for name, app in apps.items() if app.heard} == who


@pytest.mark.parametrize(
    ("fields", "who"),
    [({}, {"any", "of_t1"}), ({"tenant_uuid": "t2"}, {"any"}), ({"tenant_uuid": "t1"}, {"any", "of_t1"})],
)
def test_a_public_event_belongs_to_every_tenant_unless_it_names_one(fields, who):
    gateway = Gateway(any=ANY, of_t1=OF_T1)
    apps = {name: gateway.app(name) for name in gateway.apps}
    body = {"name": "e", "required_acl": "events.calls", "data": {}} | fields
    gateway.relay.delivered(Delivery(json.dumps(body).encode(), {}, "old", "k", 0.0))
    assert {name for name, app in apps.items() if app.heard} == who


DATA = {"status": "up", "n": 1, "on": True, "no": None, "of": {"of": {"x": 2}}, "a.b": 3, "list": [1]}


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        (None, True),
        ({}, True),
        ({"status": "up"}, True),
        ({"status": "down"}, False),
        ({"status": ["down", "up"]}, True),
        ({"status": "up", "n": 2}, False),
        ({"n": 1.0}, True),
        ({"n": "1"}, False),
        ({"n": True}, False),
        ({"on": 1}, False),
        ({"on": True}, True),
        ({"no": None}, True),
        ({"missing": None}, False),
        ({"of.of.x": 2}, True),
        ({"of.of": 2}, False),
        ({"of.x": 2}, False),
        ({"a.b": 3}, True),
        ({"list": 1}, False),
        ({"tenant_uuid": "t1"}, True),
        ({"data.n": 1}, True),
        ({"": 1}, False),
    ],
)
def test_a_filter_compares_properties_as_json_does(given, passes):
    body = {"tenant_uuid": "t1", "data": DATA, "n": 7}
    assert make_filter(given).matches(DATA, body) is passes


def test_a_filter_decides_what_a_subscription_gets():
    gateway = Gateway()
    app = gateway.app("demo", {"events": "*", "filter": {"n": [1, 2], "tenant": "x"}})
    for number in range(4):
        gateway.publish(f"e{number}", {"data": {"n": number}, "tenant": "x"})
        gateway.publish(f"f{number}", {"data": number, "tenant": "x"})
    assert app.names == ["e1", "e2"]


bodies = st.binary(max_size=30) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters(), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["data", "name", "a", "a.b"]), inner, max_size=3)
    ),
).map(lambda value: json.dumps(value).encode())


@given(bodies, st.text(max_size=5))
def test_whatever_is_published_an_app_gets_json(body, name):
    gateway = Gateway()
    app = gateway.app(
        "demo", {"src": "s", "events": "*"}, {"src": "t", "events": "*", "filter": {"a.b": [None, "x"]}}
    )
    gateway.publish(name, body)
    assert all(json.loads(text)["name"] == name for text in app.heard)
    assert not any("failed" in reason for reason in gateway.relay.stats.dropped)
