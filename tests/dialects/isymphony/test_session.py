"""The conversation with an iSymphony peer: facts in, effects out, compared as lists."""

import json
from base64 import b64encode
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.support.isymphony_accounts import BOSS, PATH, settings
from tests.support.isymphony_page import MISTAKES
from wsevents.api import close_reasons
from wsevents.api.effects import Accept, Ask, Close, Respond, Send, Subscribe
from wsevents.api.identity import Denied, Unavailable
from wsevents.api.interfaces import IDialect, ISession
from wsevents.api.settings import Config, Limits, WebSocket
from wsevents.core.http_head import make_request
from wsevents.dialects.isymphony.basic import CHALLENGE, Credentials
from wsevents.dialects.isymphony.dialect import IsymphonyDialect
from wsevents.dialects.isymphony.filters import EVERYTHING, compile_filters
from wsevents.dialects.isymphony.interest import interest

BASIC = {"authorization": f"Basic {b64encode(b'boss:boss-pw').decode()}"}
UNAUTHORIZED = Respond(401, (CHALLENGE,))
ALL = Subscribe(frozenset({interest(BOSS, EVERYTHING)}))


def session(headers=BASIC, address="127.0.0.1", **more):
    dialect = IsymphonyDialect.create(settings(**more), Config())
    return dialect.session(make_request(PATH, headers, address), Random(1))


def opened():
    it = session()
    it.requested(0.0)
    it.answered(1, BOSS, 0.0)
    it.opened(0.0)
    return it


def test_it_keeps_the_interfaces():
    assert verifyObject(ISession, session())
    assert verifyObject(IDialect, IsymphonyDialect.create(settings(), Config()))


def test_it_serves_its_paths_and_no_others():
    dialect = IsymphonyDialect.create(settings(paths=["/a", "/b"]), Config())
    assert [dialect.serves(path) for path in ("/a", "/b", "/a/", "/", PATH)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_wire_is_as_the_operator_has_it():
    config = Config(
        websocket=WebSocket(ping_interval=7, ping_timeout=3, compression=True),
        limits=Limits(message_bytes=1000),
    )
    own = settings(allowed_origins=["https://a"])
    policy = IsymphonyDialect.create(own, config).policy
    assert (policy.ping_interval, policy.pong_deadline, policy.message_max) == (7, 3, 1000)
    assert (policy.deflate, policy.origins, policy.own_pages) == (True, ("https://a",), True)


def test_a_foreign_address_is_refused_whatever_it_knows():
    assert session(address="10.0.0.1").requested(0.0) == (Respond(403),)
    assert session({}, address="10.0.0.1").requested(0.0) == (Respond(403),)
    forwarded = BASIC | {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1"}
    assert session(forwarded, address="10.0.0.1").requested(0.0) == (Respond(403),)


def test_the_operator_says_which_addresses_may():
    asked = (Ask(1, Credentials("boss", "boss-pw", "10.0.0.1")),)
    assert session(address="10.0.0.1", allow=["10.0.0.0/8"]).requested(0.0) == asked
    assert session(allow=["10.0.0.0/8"]).requested(0.0) == (Respond(403),)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": ""}, {"authorization": "Bearer x"}, {"authorization": "Basic x"}]
)
def test_a_request_without_credentials_gets_the_challenge(headers):
    assert session(headers).requested(0.0) == (UNAUTHORIZED,)


def test_credentials_are_asked_about_before_the_upgrade():
    it = session()
    assert it.requested(0.0) == (Ask(1, Credentials("boss", "boss-pw", "127.0.0.1"), hold=True),)
    assert it.answered(1, BOSS, 0.0) == (Accept(),)
    assert it.identity == BOSS


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (Denied("wrong"), UNAUTHORIZED),
        (Unavailable("busy"), Respond(503, (("Retry-After", "1"),))),
    ],
)
def test_credentials_that_do_not_let_in_are_refused(answer, refusal):
    it = session()
    it.requested(0.0)
    assert it.answered(1, answer, 0.0) == (refusal,)
    assert it.identity is None


def test_from_the_upgrade_on_everything_is_sent():
    it = session()
    it.requested(0.0)
    it.answered(1, BOSS, 0.0)
    assert it.opened(0.0) == (ALL,)


def test_filters_replace_those_before_and_are_replied_to_first():
    it = opened()
    for pairs in ([("type", "a")], [("x", "1"), ("y", "2")], []):
        filters = [{"property": name, "value": value} for name, value in pairs]
        message = json.dumps({"type": "filter", "filters": filters, "correlationId": "c"})
        assert it.received(message, 1436889163.971) == (
            Send('{"correlationId":"c","time":1436889163971,"type":"success"}'),
            Subscribe(frozenset({interest(BOSS, compile_filters(pairs))})),
        )


def test_without_a_correlation_id_the_reply_has_null():
    (reply, _) = opened().received('{"type": "filter", "filters": []}', 0.0)
    assert reply == Send('{"correlationId":null,"time":0,"type":"success"}')


@pytest.mark.parametrize(("message", "error"), MISTAKES, ids=range(len(MISTAKES)))
def test_an_invalid_message_changes_nothing(message, error):
    (reply,) = opened().received(message, 1.0)
    fields = json.loads(reply.text)
    assert (fields.pop("type"), fields.pop("error"), fields.pop("time")) == ("error", error, 1000)
    assert list(fields) == ["correlationId"]


@given(st.text() | st.binary())
def test_every_message_gets_a_reply_and_none_closes_the_session(message):
    effects = opened().received(message, 0.0)
    assert isinstance(effects[0], Send)
    assert not any(isinstance(effect, Close) for effect in effects)


def test_a_bus_that_is_lost_ends_a_session():
    assert opened().bus_lost(0.0) == (Close(close_reasons.BUS_LOST),)


def test_while_the_bus_is_down_a_session_ends_as_soon_as_it_is_open():
    it = session()
    assert it.bus_lost(0.0) == ()
    it.requested(0.0)
    it.answered(1, BOSS, 0.0)
    assert it.opened(0.0) == (Close(close_reasons.BUS_ERROR),)


def test_a_bus_that_comes_back_before_that_is_up():
    it = session()
    it.bus_lost(0.0)
    it.requested(0.0)
    it.answered(1, BOSS, 0.0)
    assert it.bus_back(0.0) == ()
    assert it.opened(0.0) == (ALL,)
