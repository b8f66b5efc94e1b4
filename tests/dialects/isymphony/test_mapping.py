"""What becomes of an event: the documented table, rules of the configuration, and anything at all."""

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.isymphony_accounts import BOSS, settings
from tests.support.isymphony_page import blocks, rows, section, unquoted
from wsevents.api.events import Body, Event
from wsevents.api.settings import Config
from wsevents.core.wazo_events import NAME
from wsevents.dialects.isymphony.defaults import DEFAULTS
from wsevents.dialects.isymphony.dialect import IsymphonyDialect
from wsevents.dialects.isymphony.filters import EVERYTHING, compile_filters
from wsevents.dialects.isymphony.interest import interest
from wsevents.dialects.isymphony.mapping import isymphony_name
from wsevents.dialects.isymphony.settings import Rule

RECEIVED = 1436889915.953


def event(name, body, source=NAME):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Event(source, name, Body(raw), None, received=RECEIVED)


def told(name, body, **more):
    """Return the event as it travels, or None if it does not."""
    dialect = IsymphonyDialect.create(settings(**more), Config())
    projection = dialect.project(event(name, body))
    payload = None if projection is None else dialect.encode(projection, "event", True)
    return None if payload is None else json.loads(payload)


def base(kind, **more):
    return {"type": kind, "time": 1436889915953, "coreServerId": None, **more}


def test_every_default_is_documented():
    table = {}
    for name, kinds, properties in rows("From the bus to iSymphony's words"):
        words = unquoted(kinds)
        (name,) = unquoted(name)
        table[name] = (set(words[:1] if "(" not in kinds else words[::2]), set(unquoted(properties)))
    assert table == {
        name: ({rule.type} if rule.type else set(rule.types.values()), set(rule.properties))
        for name, rule in DEFAULTS.items()
    }


def test_the_documented_event_is_sent_as_documented():
    text = section("From the bus to iSymphony's words")
    published, sent = (
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    )
    assert told(published["name"], published) == sent


def test_the_documented_hangup_is_what_is_sent():
    sent = next(json.loads(block) for block in blocks("json") if '"hangup"' in block)
    data = {
        "call_id": "1436889915.7",
        "caller_id_name": "Alice",
        "caller_id_number": "1001",
        "line_id": 3,
        "user_uuid": "e7577c7b-5d58-46a5-a834-386f52401c19",
        "talking_to": {},
    }
    body = {"name": "call_ended", "origin_uuid": "e5c01703-3c6d-429a-8712-66c826064e65", "data": data}
    assert told("call_ended", body) == sent


def test_the_documented_rule_can_be_used():
    (text,) = (block for block in blocks("yaml") if block.startswith("agent_status_update"))
    rules = {name: Rule(**rule) for name, rule in yaml.safe_load(text).items()}
    body = {"data": {"status": "paused", "agent_id": 7, "agent_number": "1101"}}
    sent = base("agentPause", agentId="7", agent="1101", queue=None)
    assert told("agent_status_update", body, events=rules) == sent
    assert told("agent_status_update", {"data": {"status": "unheard of"}}, events=rules) is None


@pytest.mark.parametrize(("status", "kind"), [("logged_in", "agentLogin"), ("logged_out", "agentLogout")])
def test_a_value_in_the_body_decides_about_the_type(status, kind):
    sent = told("agent_status_update", {"data": {"status": status, "agent_id": 7}})
    assert (sent["type"], sent["agentId"], sent["queueId"]) == (kind, "7", None)


@pytest.mark.parametrize(
    "body", [{}, {"data": {"status": "paused"}}, {"data": {"status": ["logged_in"]}}, b"not JSON"]
)
def test_another_value_in_the_body_is_not_sent(body):
    assert told("agent_status_update", body) is None


@pytest.mark.parametrize(
    ("paused", "kind"), [(True, "agentPause"), (False, "agentUnpause"), (1, "one"), ("true", "agentPause")]
)
def test_a_value_that_is_no_text_decides_by_its_text(paused, kind):
    rule = Rule(by="data.paused", types={"true": "agentPause", "false": "agentUnpause", "1": "one"})
    assert told("agent_paused", {"data": {"paused": paused}}, events={"agent_paused": rule}) == base(kind)


def test_a_user_status_has_all_that_widgets_look_at():
    sent = told("user_status_update", {"data": {"user_uuid": "u", "status": "away"}})
    more = {"note": None, "returnTime": -1, "userCreated": False, "name": None, "username": None}
    assert sent == base("userStatus", userId="u", statusType="away", **more)


def test_an_event_with_isymphonys_names_is_sent_unchanged():
    data = {
        "time": 1436889915000,
        "coreServerId": "c",
        "userId": "u",
        "username": "mike",
        "userLoginId": "l",
        "ip": "127.0.0.1",
        "port": 57042,
    }
    assert told("userLogin", {"data": data}) == {"type": "userLogin", **data}


@pytest.mark.parametrize("time", ["yesterday", 1.5, True, None, {}])
def test_an_invalid_time_is_replaced_by_that_of_the_gateway(time):
    assert told("x", {"data": {"time": time}}) == base("x")


def test_the_type_is_the_events_whatever_its_data_says():
    assert told("call_held", {"data": {"type": "x", "Type": 1}}) == base("callHeld", Type=1)


@pytest.mark.parametrize("order", [1, -1])
def test_of_names_that_are_spelled_alike_the_one_that_needs_no_change_counts_and_then_a_uuid(order):
    data = dict([("user_id", "i"), ("user_uuid", "u"), ("call_id", "1"), ("callId", "2")][::order])
    assert told("x", {"data": data}) == base("x", userId="u", callId="2")


def test_ids_are_text_and_nothing_else_is():
    data = {"id": 1, "call_id": 2.0, "extensionId1": 3, "idle": 4, "paid": 5, "valid_id": True, "x_id": None}
    ids = {"id": "1", "callId": "2", "extensionId1": "3", "validId": True, "xId": None}
    assert told("x", {"data": data}) == base("x", idle=4, paid=5, **ids)


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_data_that_is_no_object_has_no_properties(data):
    assert told("x", {"data": data}) == base("x")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"a": NaN}', b"[" * 100000])
def test_a_body_that_is_no_object_is_sent_to_no_client(body):
    assert told("x", body) is None
    assert told("call_created", body) is None


def test_numbers_that_json_has_not_are_null():
    assert told("x", b'{"data": {"a": 1e999, "b": -1e999, "c": 1e300}}') == base("x", a=None, b=None, c=1e300)


def test_the_configuration_comes_before_the_defaults():
    rules = {
        "call_created": Rule(
            type="ring", properties={"a": "data.a.b", "n": 1, "coreServerId": "tenant_uuid"}
        ),
        "call_ended": None,
    }
    body = {"tenant_uuid": "t", "data": {"a": {"b": "c"}}}
    assert told("call_created", body, events=rules) == base("ring", a="c", n=1, coreServerId="t")
    assert told("call_ended", body, events=rules) is None
    assert told("call_held", body, events=rules) == base("callHeld")
    assert told("call_held", body, others=False) is None
    assert told("user_status_update", body, others=False) is not None


def test_a_configured_server_is_that_of_every_event():
    assert told("x", {"origin_uuid": "o"}) == base("x", coreServerId="o")
    assert told("x", {"origin_uuid": "o"}, core_server_id="c") == base("x", coreServerId="c")


def test_the_events_of_other_sources_are_not_its_own():
    dialect = IsymphonyDialect.create(settings(), Config())
    assert dialect.project(event("call_created", {}, source="voipbin")) is None


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("call_held", "callHeld"),
        ("userLogin", "userLogin"),
        ("user_voicemail_message_created", "userVoicemailMessageCreated"),
        ("user_uuid", "userId"),
        ("uuid", "uuid"),
        ("a.b-c d", "aBCD"),
        ("__x", "x"),
        ("x__", "x"),
        ("_", "_"),
        ("", ""),
        ("été_à", "étéÀ"),
    ],
)
def test_names_are_spelled_as_isymphony_does(name, spelling):
    assert isymphony_name(name) == spelling


class Unread:
    """A body that must not be read."""

    raw = b"{}"

    @property
    def json(self):
        pytest.fail("it was parsed")


@pytest.mark.parametrize("name", ["call_created", "call_held"])
def test_a_body_that_only_types_and_acls_are_asked_about_is_not_parsed(name):
    dialect = IsymphonyDialect.create(settings(), Config())
    projection = dialect.project(Event(NAME, name, Unread(), None))
    chosen = [
        interest(BOSS, filters).choose(projection)
        for filters in (EVERYTHING, compile_filters([("type", "nobody's")]))
    ]
    assert [one is not None for one in chosen] == [True, False]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
fields = st.sampled_from(["data", "origin_uuid", "status", "call_id", "user_uuid", "time", "type"])


@given(
    st.sampled_from(sorted(DEFAULTS)) | st.text(),
    st.dictionaries(fields | st.text(), json_values | st.dictionaries(fields | st.text(), json_values)).map(
        lambda body: json.dumps(body).replace("Infinity", "1e999").encode()
    )
    | st.binary(),
)
def test_whatever_was_published_is_flat_sorted_json_or_nothing(name, body):
    dialect = IsymphonyDialect.create(settings(), Config())
    projection = dialect.project(event(name, body))
    if projection is None:
        return
    payload = dialect.encode(projection, "event", True)
    if payload is None:
        assert projection.texts is None
        return
    sent = json.loads(payload, parse_constant=pytest.fail)
    assert list(sent) == sorted(sent)
    assert {"type", "time", "coreServerId"} <= set(sent)
    assert isinstance(sent["time"], int)
    assert not any(isinstance(value, dict | list) for value in sent.values())
    assert set(projection.texts) == {name for name, value in sent.items() if value is not None}
