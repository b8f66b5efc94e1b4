"""The conversation with a Wazo peer: facts in, effects out, compared as lists."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api import close_reasons
from wsevents.api.effects import Ask, Close, Send, SetTimer, Subscribe
from wsevents.api.identity import Check, Confirmed, Denied, Faulty, Identity, Unavailable, WhoIs
from wsevents.api.settings import Auth, Limits
from wsevents.core.http_head import make_request
from wsevents.dialects.wazo.interest import interest
from wsevents.dialects.wazo.session import WazoSession, reply

ME = Identity(subject="me-1", tenant="t-1", acl=("events.#", "websocketd"), expires=1000.0)
OTHER = Identity(subject="me-2", tenant="t-2", acl=("events.#", "websocketd"), expires=5000.0)
INIT_1 = Send('{"op": "init", "code": 0, "msg": "", "data": {"version": 1}}')
INIT_2 = Send('{"op": "init", "code": 0, "msg": "", "data": {"version": 2}}')


def session(target="/?token=T", headers=None, auth=None, limits=None):
    return WazoSession(make_request(target, headers or {}), auth or Auth(), limits or Limits())


def connected(version=2, **more):
    it = session(f"/?token=T&version={version}", **more)
    it.opened(0.0)
    it.answered(1, ME, 0.0)
    return it


def started(version=2, names=("*",), **more):
    it = connected(version, **more)
    for name in names:
        it.received(command("subscribe", event_name=name), 0.0)
    it.received(command("start"), 0.0)
    return it


def command(op, **data):
    return json.dumps({"op": op, "data": data})


def kinds(effects):
    return [type(effect) for effect in effects]


# -- connecting


@pytest.mark.parametrize("version", ["0", "3", "-1", "abc", "undefined", "1.0", "1e0", "%20"])
def test_an_unknown_version_is_refused_even_without_a_token(version):
    assert session(f"/?version={version}").opened(0.0) == (
        Close(close_reasons.PROTOCOL_ERROR, "unknown protocol version"),
    )


@pytest.mark.parametrize(
    ("query", "init"),
    [
        ("", INIT_1),
        ("&version=", INIT_1),
        ("&version=1", INIT_1),
        ("&version=2", INIT_2),
        ("&version=%202", INIT_2),
        ("&version=2&version=9", INIT_2),
        ("&version=&version=2", INIT_2),
    ],
)
def test_the_first_version_that_is_not_blank_counts(query, init):
    it = session("/?token=T" + query)
    it.opened(0.0)
    assert it.answered(1, ME, 0.0)[0] == init


@pytest.mark.parametrize(("target", "headers"), [("/", {}), ("/?token=", {}), ("/", {"x-auth-token": "  "})])
def test_no_token_is_no_token(target, headers):
    assert session(target, headers).opened(0.0) == (Close(close_reasons.NO_TOKEN),)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/?token=T", {}),
        ("/any/where/?x=1&token=T&token=U", {"x-auth-token": "V"}),
        ("/?token=&token=T", {"x-auth-token": "V"}),
        ("/", {"x-auth-token": "T"}),
        ("/?token=", {"x-auth-token": "T"}),
    ],
)
def test_the_token_of_the_query_comes_before_that_of_the_header(target, headers):
    assert session(target, headers).opened(0.0) == (Ask(1, WhoIs("T"), hold=True),)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Denied("unknown"), close_reasons.AUTH_FAILED),
        (Unavailable("down"), close_reasons.AUTH_FAILED),
        (Faulty("no tenant"), close_reasons.INTERNAL_ERROR),
    ],
)
def test_a_token_that_does_not_let_in_ends_the_session(answer, reason):
    it = session()
    it.opened(0.0)
    assert it.answered(1, answer, 0.0) == (Close(reason, answer.why),)


def test_a_good_token_is_greeted_and_looked_at_again_later():
    it = session()
    it.opened(0.0)
    assert it.answered(1, ME, 0.0) == (INIT_1, SetTimer("recheck", 750.0))
    assert it.identity == ME


def test_while_the_bus_is_down_a_bad_token_is_still_a_bad_token():
    it = session()
    it.bus_lost(0.0)
    it.opened(0.0)
    assert it.answered(1, Denied("x"), 0.0) == (Close(close_reasons.AUTH_FAILED, "x"),)


def test_while_the_bus_is_down_a_client_with_a_valid_token_is_closed():
    it = session()
    assert it.bus_lost(0.0) == ()
    it.opened(0.0)
    assert it.answered(1, ME, 0.0) == (Close(close_reasons.BUS_ERROR),)


def test_a_bus_that_comes_back_during_the_look_up_is_up():
    it = session()
    it.bus_lost(0.0)
    it.opened(0.0)
    assert it.bus_back(0.0) == ()
    assert it.answered(1, ME, 0.0)[0] == INIT_1


def test_a_bus_that_is_lost_ends_a_session():
    assert started().bus_lost(0.0) == (Close(close_reasons.BUS_LOST),)


# -- commands


@pytest.mark.parametrize("version", [1, 2])
def test_subscribe_and_start_are_acknowledged_in_order_and_only_start_listens(version):
    it = connected(version)
    assert it.received(command("subscribe", event_name="a"), 0.0) == (reply("subscribe"),)
    assert it.received(command("start"), 0.0) == (
        reply("start"),
        Subscribe(frozenset({interest(ME, "a", f"v{version}")})),
    )


def test_a_reply_has_the_keys_of_all_generations_of_clients():
    assert json.loads(reply("subscribe").text) == {"op": "subscribe", "code": 0, "msg": "", "data": None}


def test_after_start_version_1_gets_only_replies_to_start():
    it = started(1)
    assert kinds(it.received(command("subscribe", event_name="b"), 0.0)) == [Subscribe]
    assert kinds(it.received(command("unsubscribe", event_name="b"), 0.0)) == [Subscribe]
    assert it.received(command("ping", payload="p"), 0.0) == ()
    assert kinds(it.received(command("start"), 0.0)) == [Send, Subscribe]
    it.received(command("token", token="U"), 0.0)
    assert kinds(it.answered(2, ME, 0.0)) == [Subscribe, SetTimer]


def test_once_started_version_2_is_still_answered():
    it = started(2)
    assert kinds(it.received(command("subscribe", event_name="b"), 0.0)) == [Send, Subscribe]
    assert kinds(it.received(command("unsubscribe", event_name="b"), 0.0)) == [Send, Subscribe]
    assert it.received(command("ping", payload="p"), 0.0) == (
        Send('{"op": "pong", "code": 0, "msg": "", "data": {"payload": "p"}}'),
    )


def test_what_changes_nothing_is_acknowledged_and_nothing_is_listened_to_anew():
    it = started(names=["a"])
    for op, name in [("subscribe", "a"), ("unsubscribe", "never subscribed")]:
        assert kinds(it.received(command(op, event_name=name), 0.0)) == [Send]


def test_all_names_instead_of_one_is_a_change_though_it_is_one_interest_as_well():
    it = started(names=["a"])
    assert it.received(command("subscribe", event_name="*"), 0.0)[-1] == Subscribe(
        frozenset({interest(ME, "*", "v2")})
    )


def test_unsubscribing_leaves_the_other_names():
    it = started(names=["a", "b", "*"])
    it.received(command("unsubscribe", event_name="*"), 0.0)
    effects = it.received(command("unsubscribe", event_name="b"), 0.0)
    assert effects[-1] == Subscribe(frozenset({interest(ME, "a", "v2")}))


def test_an_invalid_message_closes_the_session_and_the_log_names_the_problem():
    assert connected().received("{}", 0.0) == (
        Close(close_reasons.PROTOCOL_ERROR, "no op, or an unknown one"),
    )


def test_subscriptions_are_limited_in_number_and_length():
    it = connected(limits=Limits(subscriptions=2, event_name=3))
    for name in ["a", "b", "a"]:
        assert kinds(it.received(command("subscribe", event_name=name), 0.0)) == [Send]
    assert it.received(command("subscribe", event_name="c"), 0.0)[0].reason is close_reasons.PROTOCOL_ERROR
    assert it.received(command("subscribe", event_name="abcd"), 0.0)[0].reason is close_reasons.PROTOCOL_ERROR


# -- the token


def test_a_new_token_of_the_same_user_keeps_everything_and_moves_the_deadline():
    it = started()
    assert it.received(command("token", token="U"), 0.0) == (Ask(2, WhoIs("U"), hold=True),)
    assert it.answered(2, ME, 100.0) == (
        reply("token"),
        Subscribe(frozenset({interest(ME, "*", "v2")})),
        SetTimer("recheck", 100.0 + 675.0),
    )
    assert it.timer_fired("recheck", 775.0) == (SetTimer("expiry", 1000.5), Ask(3, WhoIs("U"), hold=False))


def test_a_token_of_another_user_changes_the_interests_at_once():
    it = started()
    it.received(command("token", token="U"), 0.0)
    assert Subscribe(frozenset({interest(OTHER, "*", "v2")})) in it.answered(2, OTHER, 0.0)
    assert it.identity == OTHER


@pytest.mark.parametrize("answer", [Denied("no"), Unavailable("down")])
def test_a_bad_new_token_ends_the_session(answer):
    it = started()
    it.received(command("token", token="U"), 0.0)
    assert it.answered(2, answer, 0.0) == (Close(close_reasons.AUTH_FAILED, answer.why),)


def test_a_token_that_ended_ends_the_session():
    it = started()
    it.timer_fired("recheck", 750.0)
    assert it.answered(2, Denied("unknown or expired"), 750.0) == (
        Close(close_reasons.AUTH_EXPIRED, "unknown or expired"),
    )


def test_a_token_that_is_still_good_is_looked_at_again():
    it = started()
    it.timer_fired("recheck", 750.0)
    assert SetTimer("recheck", 750.0 + 187.0) in it.answered(2, ME, 750.0)


def test_an_authority_that_is_down_closes_no_session_before_the_token_expires():
    it = started()
    it.timer_fired("recheck", 980.0)
    assert it.answered(2, Unavailable("down"), 980.0) == (SetTimer("recheck", 995.0),)
    it.timer_fired("recheck", 995.0)
    assert it.answered(3, Unavailable("down"), 995.0) == (SetTimer("recheck", 1000.1),)
    it.timer_fired("recheck", 1000.1)
    assert it.answered(4, Unavailable("down"), 1000.1)[0].reason is close_reasons.AUTH_EXPIRED


def test_the_static_strategy_asks_briefly():
    it = started(auth=Auth(check_strategy="static", check_static_interval=60.0))
    assert it.timer_fired("recheck", 60.0)[-1] == Ask(2, Check("T"), hold=False)
    assert it.answered(2, Confirmed(), 60.0) == (SetTimer("recheck", 120.0),)


def test_a_token_that_ends_while_the_authority_does_not_answer_ends_the_session():
    it = started()
    it.timer_fired("recheck", 999.0)
    assert it.timer_fired("expiry", 1000.5)[0].reason is close_reasons.AUTH_EXPIRED


def test_a_token_that_was_looked_at_in_time_does_not_end_by_the_alarm_for_that():
    it = started()
    it.timer_fired("recheck", 775.0)
    it.answered(2, evolve(ME, expires=5000.0), 776.0)
    assert it.timer_fired("expiry", 1000.5) == ()


def test_the_answer_about_an_old_token_does_not_matter_once_a_new_one_was_offered():
    it = started()
    it.timer_fired("recheck", 750.0)
    it.received(command("token", token="U"), 750.0)
    assert it.answered(2, Denied("the old one"), 751.0) == ()
    assert kinds(it.answered(3, OTHER, 751.0)) == [Send, Subscribe, SetTimer]


def test_an_alarm_during_a_look_up_asks_nothing_more():
    it = started()
    it.received(command("token", token="U"), 750.0)
    assert it.timer_fired("recheck", 750.0) == ()


def test_what_the_authority_says_unasked_counts_at_once():
    master = Identity(ME.subject, ME.tenant, ME.acl, reach="all", expires=ME.expires)
    it = started()
    assert Subscribe(frozenset({interest(master, "*", "v2")})) in it.identity_changed(master, 0.0)
    assert it.identity_changed(master, 0.0) == ()
    assert it.identity_changed(Denied("revoked"), 0.0) == (Close(close_reasons.AUTH_EXPIRED, "revoked"),)


# -- anything at all

facts = st.lists(
    st.one_of(
        st.tuples(
            st.just("received"),
            st.one_of(
                st.sampled_from(
                    [
                        command("start"),
                        command("subscribe", event_name="*"),
                        command("token", token="U"),
                        command("ping", payload="x"),
                    ]
                ),
                st.text(max_size=20),
                st.binary(max_size=5),
            ),
        ),
        st.tuples(
            st.just("answered"),
            st.integers(0, 6),
            st.sampled_from([ME, OTHER, Denied("d"), Unavailable("u"), Faulty("f"), Confirmed()]),
        ),
        st.tuples(st.just("timer_fired"), st.just("recheck")),
        st.tuples(st.just("identity_changed"), st.sampled_from([ME, OTHER, Denied("d")])),
        st.tuples(st.just("bus_lost")),
        st.tuples(st.just("bus_back")),
    ),
    max_size=25,
)


@given(facts, st.sampled_from([1, 2]))
def test_no_order_of_facts_makes_it_raise(facts, version):
    it, now = connected(version), 0.0
    for name, *arguments in facts:
        now += 10.0
        effects = getattr(it, name)(*arguments, now)
        assert all(not isinstance(effect, Subscribe) or it.identity is not None for effect in effects)
        if any(isinstance(effect, Close) for effect in effects):
            return
