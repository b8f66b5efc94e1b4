"""The conversation with a VoIPBIN peer: facts in, effects out."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.voipbin.test_command import JSON
from tests.support.voipbin import (
    ADMIN,
    AGENT,
    CUSTOMER,
    STRANGER,
    SUPER_ADMIN,
    claims,
    command,
    delegate,
    direct,
    topic,
)
from wsevents.api import close_reasons
from wsevents.api.effects import Accept, Ask, Close, Respond, SetTimer, Subscribe
from wsevents.api.identity import Denied, Unavailable
from wsevents.api.settings import Limits
from wsevents.core.http_head import make_request
from wsevents.dialects.voipbin.claims import identity_of, key_holder
from wsevents.dialects.voipbin.credential import Bearer
from wsevents.dialects.voipbin.interest import interest
from wsevents.dialects.voipbin.session import EXPIRED, VoipbinSession
from wsevents.dialects.voipbin.settings import Acl, FrozenAccount, VoipbinSettings

ENDS = 5000.0
SETTINGS = VoipbinSettings()
EXCHANGE = SETTINGS.source.exchange
REQUEST_ID = "00000000-0000-0000-0000-000000000007"


def who(content=None):
    return identity_of(content or claims(ends=ENDS), Acl(), 0.0)


def session(target="/v1.0/ws?token=T", settings=SETTINGS, limits=None):
    return VoipbinSession(make_request(target, {}), settings, limits or Limits(), 7)


def connected(identity=None, **more):
    it = session(**more)
    it.requested(0.0)
    assert it.answered(1, identity or who(), 0.0) == (Accept(),)
    it.opened(0.0)
    return it


def listens(*topics):
    return (Subscribe(frozenset({interest(who(), topics, "superset", EXCHANGE)})),)


def body(refusal):
    assert isinstance(refusal, Respond)
    return refusal.status, json.loads(refusal.body)["error"]


# -- connecting


def test_the_credential_is_checked_before_the_upgrade():
    assert session().requested(0.0) == (Ask(1, Bearer("T")),)


def test_without_one_it_is_refused():
    (refusal,) = session("/v1.0/ws").requested(0.0)
    status, error = body(refusal)
    assert status == 401
    assert error.pop("message")
    assert error == {
        "status": "UNAUTHENTICATED",
        "reason": "AUTHENTICATION_REQUIRED",
        "request_id": REQUEST_ID,
    }
    assert dict(refusal.headers) == {
        "Content-Type": "application/json; charset=utf-8",
        "WWW-Authenticate": "Bearer",
    }


@pytest.mark.parametrize(
    ("answer", "status", "word", "reason"),
    [
        (Denied("unheard of"), 401, "UNAUTHENTICATED", "INVALID_CREDENTIALS"),
        (Unavailable("down"), 503, "UNAVAILABLE", "AUTHENTICATION_UNAVAILABLE"),
    ],
)
def test_an_unknown_credential_is_rejected(answer, status, word, reason):
    (refusal,) = session().answered(1, answer, 0.0)
    found = body(refusal)
    assert (found[0], found[1]["status"], found[1]["reason"]) == (status, word, reason)
    assert "details" not in found[1]
    assert answer.why not in found[1]["message"]


def test_a_delegate_is_answered_with_nothing():
    assert session().answered(1, who(delegate()), 0.0) == (Respond(200),)


COLD = VoipbinSettings(frozen_accounts={CUSTOMER.upper(): FrozenAccount(recovery_endpoint="/r")})
DETAILS = {"deletion_scheduled_at": None, "deletion_effective_at": None, "recovery_endpoint": "/r"}


@pytest.mark.parametrize(
    ("identity", "settings", "details"),
    [
        (who(), COLD, DETAILS),
        (key_holder(CUSTOMER, (), None, 0.0), COLD, DETAILS),
        (key_holder(CUSTOMER, (), None, 0.0, {"x": 1}), SETTINGS, {"x": 1}),
        (key_holder(STRANGER, (), None, 0.0, {}), COLD, {}),
    ],
)
def test_a_member_of_a_frozen_account_is_rejected_with_details(identity, settings, details):
    (refusal,) = session(settings=settings).answered(1, identity, 0.0)
    status, error = body(refusal)
    assert (status, error["status"], error["reason"]) == (403, "PERMISSION_DENIED", "ACCOUNT_FROZEN")
    assert error["details"] == details


@pytest.mark.parametrize("identity", [who(claims(SUPER_ADMIN)), who(direct("aicall"))])
def test_super_admins_and_direct_tokens_come_in_all_the_same(identity):
    assert session(settings=COLD).answered(1, identity, 0.0) == (Accept(),)


def test_nothing_is_said_when_it_opens():
    it = session()
    it.answered(1, who(), 0.0)
    assert it.opened(0.0) == (SetTimer("expiry", ENDS),)
    assert it.identity.subject == AGENT


def test_the_end_of_the_token_is_the_end_unless_the_operator_says_otherwise():
    assert connected().timer_fired("expiry", ENDS) == (Close(EXPIRED),)
    assert (EXPIRED.code, EXPIRED.reason) == (1008, "token expired")
    lasting = session(settings=VoipbinSettings(close_on_expiry=False))
    lasting.answered(1, who(), 0.0)
    assert lasting.opened(0.0) == ()
    endless = session()
    endless.answered(1, key_holder(CUSTOMER, (), None, 0.0), 0.0)
    assert endless.opened(0.0) == ()


# -- what it says


def test_what_it_subscribes_to_adds_up_without_a_reply():
    it = connected()
    assert it.received(command(topic("call"), topic("message")), 0.0) == listens(
        topic("call"), topic("message")
    )
    assert it.received(command(topic("call")), 0.0) == ()
    assert it.received(command(topic("queue")), 0.0) == listens(
        topic("call"), topic("message"), topic("queue")
    )
    assert it.received(command(topic("call"), kind="unsubscribe"), 0.0) == listens(
        topic("message"), topic("queue")
    )
    assert it.received(command(topic("call"), topic("mess"), kind="unsubscribe"), 0.0) == ()
    assert it.received(command(topic("message"), topic("queue"), kind="unsubscribe"), 0.0) == (
        Subscribe(frozenset()),
    )


def test_subscribed_twice_and_unsubscribed_once_is_unsubscribed():
    it = connected()
    it.received(command(topic("call")), 0.0)
    it.received(command(topic("call"), topic("call")), 0.0)
    assert it.received(command(topic("call"), kind="unsubscribe"), 0.0) == (Subscribe(frozenset()),)


@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe", "other", ""])
def test_one_topic_that_may_not_be_had_drops_the_connection_and_nothing_is_done(kind):
    it = connected()
    bad = command(topic("call"), topic("call", customer=STRANGER), kind=kind)
    (hangup,) = it.received(bad, 0.0)
    assert hangup.reason == close_reasons.DROPPED
    assert STRANGER not in hangup.why
    assert it.received(command(kind=kind), 0.0) == ()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{}",
        "no json",
        '{"type": "subscribe", "topics": "x"}',
        command(),
        command(topic("call"), kind="other"),
    ],
)
def test_what_means_nothing_is_ignored(message):
    assert connected().received(message, 0.0) == ()


def test_a_binary_message_drops_the_connection():
    (hangup,) = connected().received(command(topic("call")).encode(), 0.0)
    assert hangup.reason == close_reasons.DROPPED


def test_limits_of_topics_and_of_their_length_drop_the_connection():
    it = connected(limits=Limits(subscriptions=2, event_name=60))
    assert it.received(command(topic("a"), topic("b")), 0.0)
    assert it.received(command(topic("c")), 0.0)[0].reason == close_reasons.DROPPED
    assert it.received(command(topic("x" * 60)), 0.0)[0].reason == close_reasons.DROPPED
    unlimited = connected(limits=Limits(subscriptions=0, event_name=0))
    assert unlimited.received(command(*(topic("x" * 9999, str(n)) for n in range(9))), 0.0)


@given(
    st.lists(JSON.map(json.dumps) | st.text() | st.binary() | st.lists(st.text()).map(lambda t: command(*t)))
)
def test_no_message_is_too_odd(messages):
    for identity in (who(), who(claims(SUPER_ADMIN)), key_holder(CUSTOMER, (), None, 0.0)):
        it = connected(identity)
        for message in messages:
            for effect in it.received(message, 0.0):
                assert isinstance(effect, Subscribe | Close)
                assert isinstance(effect, Subscribe) or effect.reason == close_reasons.DROPPED


# -- the bus


def test_without_the_bus_it_ends():
    assert connected().bus_lost(0.0) == (Close(close_reasons.BUS_LOST),)


def test_a_client_that_connects_while_the_bus_is_down_is_accepted_and_closed():
    it = session()
    it.answered(1, who(), 0.0)
    assert it.bus_lost(0.0) == ()
    assert it.opened(0.0) == (Close(close_reasons.BUS_ERROR),)
    it = session()
    it.bus_lost(0.0)
    it.bus_back(0.0)
    it.answered(1, evolve(who(), expires=None), 0.0)
    assert it.opened(0.0) == ()


def test_permissions_are_bits():
    assert who(claims(ADMIN | 0x10)).reach == "tenant"
