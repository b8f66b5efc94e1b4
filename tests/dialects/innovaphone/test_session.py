"""The conversation with an app, as facts and effects."""

import json
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from wsevents.api.close_reasons import BUS_ERROR, BUS_LOST
from wsevents.api.effects import Accept, Close, Send, SetTimer, Subscribe
from wsevents.api.interfaces import IDialect, ISession
from wsevents.api.requests import Request
from wsevents.api.settings import Config, Limits
from wsevents.dialects.innovaphone import InnovaphoneDialect
from wsevents.dialects.innovaphone.interest import Interest
from wsevents.dialects.innovaphone.login import AppLogin, login_message
from wsevents.dialects.innovaphone.session import (
    LOGIN,
    LOGIN_FAILED,
    LOGIN_FIRST,
    LOGIN_LATE,
    InnovaphoneSession,
)
from wsevents.dialects.innovaphone.settings import InnovaphoneApp, InnovaphoneSettings

APPS = {
    "demo": InnovaphoneApp(password="s3cret", tenant_uuid="t1", acl=["#"]),
    "acme-broker": InnovaphoneApp(password="pwd"),
    "elsewhere": InnovaphoneApp(path="/x", password="s3cret", acl=["#"]),
}
PATH = "/PBX0/APPS/websocket"


def dialect(**limits):
    return InnovaphoneDialect.create(InnovaphoneSettings(apps=APPS), Config(limits=Limits(**limits)))


class Talk:
    """A session, and what it has said."""

    def __init__(self, path=PATH, **limits):
        self.session = dialect(**limits).session(Request(path, {}, {}), Random(7))
        assert self.session.requested(1.0) == (Accept(),)
        assert self.session.opened(1.0) == (SetTimer(LOGIN, 11.0),)
        self.effects = []

    def say(self, message, now=2.0):
        text = message if isinstance(message, str | bytes) else json.dumps(message)
        self.effects = list(self.session.received(text, now))
        return self.said

    @property
    def said(self):
        return [json.loads(effect.text) for effect in self.effects if isinstance(effect, Send)]

    @property
    def ended(self):
        return next((effect.reason for effect in self.effects if isinstance(effect, Close)), None)

    @property
    def interests(self):
        return next((effect.interests for effect in self.effects if isinstance(effect, Subscribe)), None)

    @property
    def challenge(self):
        (answer,) = self.say({"mt": "AppChallenge"})
        return answer["challenge"]

    def log_in(self, login=None, password="s3cret"):
        login = login or AppLogin("demo")
        self.say(login_message(login, login.digest(self.challenge, password)))
        return self


@pytest.fixture
def talk():
    return Talk().log_in()


def test_it_keeps_the_interfaces():
    assert verifyObject(IDialect, dialect())
    assert verifyObject(ISession, Talk().session)


def test_it_wants_small_frames_and_no_pong():
    policy = dialect(message_bytes=5000).policy
    assert (policy.frame_max, policy.pong_deadline, policy.message_max) == (16384, 0, 5000)


def test_it_serves_the_paths_of_its_apps():
    served = dialect()
    assert [served.serves(path) for path in (PATH, "/x", "/", PATH + "/")] == [True, True, False, False]


# -- the login


def test_a_login():
    talk = Talk()
    assert talk.say({"mt": "CheckBuild", "url": "https://pbx/apps/1300000/x.htm", "src": "b"}) == [
        {"mt": "CheckBuildResult", "src": "b"}
    ]
    (answer,) = talk.say({"mt": "AppChallenge", "user": "jane", "appObj": "x"})
    assert set(answer) == {"mt", "challenge"}
    assert answer["mt"] == "AppChallengeResult"
    digest = AppLogin("demo", "example.org", "jane").digest(answer["challenge"], "s3cret")
    talk.say(
        {
            "mt": "AppLogin",
            "src": "s",
            "api": "a",
            "digest": digest,
            "sip": "jane",
            "domain": "example.org",
            "app": "demo",
            "pbxObj": "x",
        }
    )
    assert talk.effects == [
        SetTimer(LOGIN, None),
        Send('{"mt":"AppLoginResult","ok":true,"api":"a","src":"s"}'),
    ]
    identity = talk.session.identity
    assert (identity.subject, identity.tenant, identity.reach) == ("demo", "t1", "tenant")


def test_the_challenge_is_short_and_one_for_each_connection():
    talk = Talk()
    assert len(talk.challenge) == 16
    assert talk.challenge == talk.challenge
    other = dialect().session(Request(PATH, {}, {}), Random(8))
    assert other.received('{"mt":"AppChallenge"}', 0.0) != talk.effects


@pytest.mark.parametrize(
    "login",
    [
        AppLogin("demo", "example.org", "jane", "0" * 32, "Jané Dœ", '{"cn":"Jané / \\"Q\\"","n":[1.50]}'),
        AppLogin("demo", info="{}"),
        AppLogin("demo", info='{ "b" : 1,\n "a" : "\\u2028" }'),
    ],
)
def test_the_digest_is_over_the_very_bytes_of_the_info(login):
    assert Talk().log_in(login).said == [{"mt": "AppLoginResult", "ok": True}]


def test_an_info_that_was_hashed_compactly_will_do():
    talk = Talk()
    digest = AppLogin("demo", info='{"cn":"é"}').digest(talk.challenge, "s3cret")
    talk.say(login_message(AppLogin("demo", info='{ "cn" : "\\u00e9" }'), digest.upper()))
    assert talk.said == [{"mt": "AppLoginResult", "ok": True}]


def test_without_a_name_the_only_app_of_the_path_is_meant():
    talk = Talk("/x").log_in(AppLogin("", sip="jane"))
    assert talk.said == [{"mt": "AppLoginResult", "ok": True}]
    assert talk.session.identity.subject == "elsewhere"
    assert refused(Talk("/x").log_in(AppLogin("demo")))


def test_a_session_key_that_is_sent_in_clear_is_ignored():
    talk = Talk()
    digest = AppLogin("demo").digest(talk.challenge, "s3cret")
    assert talk.say({"mt": "AppLogin", "app": "demo", "key": "k" * 64, "digest": digest})[0]["ok"] is True
    assert "k" * 64 not in repr(talk.session)


def refused(talk):
    (answer,) = talk.said
    assert (answer["mt"], answer["ok"], type(answer["error"])) == ("AppLoginResult", False, str)
    assert talk.effects[1:] == [Close(LOGIN_FAILED)]
    assert talk.session.identity is None
    return True


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (AppLogin("demo"), "wrong"),
        (AppLogin("unknown"), "s3cret"),
        (AppLogin(""), "s3cret"),
        (AppLogin("elsewhere"), "s3cret"),  # of another path
        (AppLogin("acme-broker"), "s3cret"),  # another app's password
    ],
)
def test_a_wrong_login_is_answered_and_closed(login, password):
    assert refused(Talk().log_in(login, password))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"digest": None},
        {"digest": 5},
        {"digest": ""},
        {"digest": "é\ud800"},
        {"digest": ["x"]},
        {"app": 5},
        {"dn": {}},
        {"dn": "\ud800"},
        {"info": 5, "digest": "0" * 64},
        {"info": "\ud800", "digest": "0" * 64},
    ],
)
def test_a_login_that_makes_no_sense_is_a_wrong_one(fields):
    talk = Talk()
    assert talk.challenge
    talk.say({"mt": "AppLogin", "app": "demo"} | fields)
    assert refused(talk)


def test_no_login_without_a_challenge():
    talk = Talk()
    for challenge in ("", "None"):
        talk.say(login_message(AppLogin("demo"), AppLogin("demo").digest(challenge, "s3cret")))
        assert refused(talk)


def test_a_login_by_another_connections_challenge_is_wrong():
    one, other = Talk(), Talk()
    other.session.entropy = Random(8)
    assert other.challenge != (digest := one.challenge)
    digest = AppLogin("demo").digest(one.challenge, "s3cret")
    other.say(login_message(AppLogin("demo"), digest))
    assert refused(other)


def test_a_client_that_does_not_log_in_in_time_is_closed():
    session = Talk().session
    assert session.timer_fired(LOGIN, 11.0) == (Close(LOGIN_LATE),)
    assert Talk().log_in().session.timer_fired(LOGIN, 11.0) == ()


@pytest.mark.parametrize(
    ("message", "closed"),
    [
        ('{"mt":"KeepAlive"}', None),
        ('{"mt":"Subscribe","events":"*"}', None),
        ('{"mt":"PbxInfo"}', None),
        ('{"mt":"AppInfo"}', None),
        ('{"mt":"AppCheckLogin"}', None),
        ("{}", None),
        ('{"mt":5}', None),
        ('{"mt":"Subscribe","api":"Events","events":"*"}', LOGIN_FIRST),
        ("no JSON", LOGIN_FIRST),
        ("[]", LOGIN_FIRST),
        (b"binary", LOGIN_FIRST),
        ('{"mt":"AppChallenge","mt":"AppChallenge"}', LOGIN_FIRST),
    ],
)
def test_before_the_login_nothing_else_is_answered(message, closed):
    talk = Talk()
    assert talk.say(message) == []
    assert talk.ended is closed


def test_a_lost_bus_closes_a_session_after_its_login():
    talk = Talk()
    assert talk.session.bus_lost(1.0) == ()
    talk.log_in()
    assert talk.effects == [Close(BUS_ERROR)]
    late = Talk()
    assert (late.session.bus_lost(1.0), late.session.bus_back(1.0)) == ((), ())
    assert late.log_in().said[0]["ok"] is True
    assert late.session.bus_lost(1.0) == (Close(BUS_LOST),)
    wrong = Talk()
    wrong.session.bus_lost(1.0)
    assert refused(wrong.log_in(password="wrong"))


# -- afterwards


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"mt": "KeepAlive"}, {"mt": "KeepAlive"}),
        ({"mt": "KeepAlive", "src": "a", "api": "b"}, {"mt": "KeepAlive", "api": "b", "src": "a"}),
        ({"mt": "CheckBuild", "url": "x"}, {"mt": "CheckBuildResult"}),
        (
            {"mt": "AppInfo", "app": "demo", "src": "s"},
            {
                "mt": "AppInfoResult",
                "app": "demo",
                "info": {"hidden": True, "apis": {}},
                "serviceInfo": {"apis": {"Events": {}}},
                "src": "s",
            },
        ),
        ({"mt": "Foo", "src": "s"}, {"mt": "FooResult", "error": "unknown message", "src": "s"}),
        (
            {"mt": "Foo", "api": "Bar", "src": 5},
            {"mt": "FooResult", "error": "unknown message", "api": "Bar", "src": 5},
        ),
        (
            {"mt": "Subscribe", "api": "Bar", "events": "*"},
            {"mt": "SubscribeResult", "error": "unknown message", "api": "Bar"},
        ),
        ({"mt": "AppLogin"}, {"mt": "AppLoginResult", "error": "already logged in"}),
        ({"mt": "AppChallenge"}, {"mt": "AppChallengeResult", "error": "already logged in"}),
        (
            {"src": {"a": [None]}},
            {"mt": "Error", "error": "mt is missing, not a string, or too long", "src": {"a": [None]}},
        ),
        ({"mt": 5}, {"mt": "Error", "error": "mt is missing, not a string, or too long"}),
        ({"mt": "x" * 256}, {"mt": "Error", "error": "mt is missing, not a string, or too long"}),
        ("[1]", {"mt": "Error", "error": "not a JSON object with each key once"}),
        (b"{}", {"mt": "Error", "error": "a binary message"}),
        ({"mt": "\ud800"}, {"mt": "\ud800Result", "error": "unknown message"}),
    ],
)
def test_every_message_has_its_answer(talk, message, answer):
    assert talk.say(message) == [answer]
    assert len(talk.effects) == 1


@pytest.mark.parametrize("mt", ["PbxInfo", "FooResult", "Error", "AppCheckLoginResult", "FooResultResult"])
def test_replies_and_notices_get_no_reply(talk, mt):
    talk.say({"mt": mt, "domain": 5})
    assert talk.effects == []


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({}, True),
        ({"app": "unknown"}, False),
        ({"challenge": "4321"}, False),
        ({"challenge": None}, False),
        ({"domain": "example.com"}, False),
        ({"digest": None}, False),
        ({"digest": 5}, False),
    ],
)
def test_a_login_elsewhere_can_be_checked(talk, fields, right):
    message = {
        "mt": "AppCheckLogin",
        "app": "acme-broker",
        "domain": "example.org",
        "challenge": "1234",
        "digest": "1211eb0691ecf3ffa3925d553448eb2745587c621917a4cb76eddcf9adb88569",
        "src": "c",
    }
    assert talk.say(message | fields) == [{"mt": "AppCheckLoginResult", "ok": right, "src": "c"}]


def test_the_challenge_of_a_check_has_to_be_a_text(talk):
    (answer,) = talk.say({"mt": "AppCheckLogin", "challenge": 5})
    assert answer == {"mt": "AppCheckLoginResult", "error": "challenge is not a string"}


# -- events


def test_a_subscription_is_made_replaced_and_ended(talk):
    assert talk.say({"mt": "Subscribe", "api": "Events", "src": "s", "events": ["b", "a", "b"]}) == [
        {"mt": "SubscribeResult", "api": "Events", "src": "s"}
    ]
    (interest,) = talk.interests
    assert (interest.names, interest.shape, interest.bindings) == (("a", "b"), '"s"', ())
    assert set(interest.addresses) == {
        ("tenant", "t1", "a"),
        ("tenant", "t1", "b"),
        ("public", "a"),
        ("public", "b"),
    }
    talk.say({"mt": "Subscribe", "events": "*", "filter": {"n": 1}})
    assert {one.src for one in talk.interests} == {None, '"s"'}
    talk.say({"mt": "Subscribe", "api": "Events", "src": "s", "events": ["x", "*"]})
    assert {one.names for one in talk.interests} == {("*",)}
    assert talk.say({"mt": "Unsubscribe", "api": "Events", "src": "s"}) == [
        {"mt": "UnsubscribeResult", "api": "Events", "src": "s"}
    ]
    assert {one.src for one in talk.interests} == {None}
    talk.say({"mt": "Unsubscribe"})
    assert talk.interests == frozenset()
    (answer,) = talk.say({"mt": "Unsubscribe"})
    assert answer["error"] == "there is no subscription with this src"
    assert talk.interests is None


def test_apps_that_see_the_same_events_are_one_audience():
    def interest(login="demo", src="s"):
        talk = Talk().log_in(AppLogin(login), {"demo": "s3cret"}.get(login, "pwd"))
        talk.say({"mt": "Subscribe", "src": src, "events": ["a", "b"], "filter": {"x": [1, 2], "y": None}})
        return next(iter(talk.interests))

    assert interest() == interest()
    assert interest("acme-broker") != interest() != interest(src="t")
    assert isinstance(interest(), Interest)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"events": None}, "events is neither"),
        ({"events": []}, "events is neither"),
        ({"events": [5]}, "events is neither"),
        ({"events": {"a": 1}}, "events is neither"),
        ({"events": ["abcdefghijk"]}, "an event name has more than 10 characters"),
        ({"events": ["abcdefghijk", "*"]}, "an event name has more than 10 characters"),
        ({"events": list("abcd")}, "more than 3 event names in all subscriptions"),
        ({"events": "*", "src": "abcdefghi"}, "src has more than 10 characters"),
        ({"events": "*", "filter": []}, "filter is not an object"),
        ({"events": "*", "filter": "x"}, "filter is not an object"),
        ({"events": "*", "filter": {"a": {}}}, "a value of filter is neither"),
        ({"events": "*", "filter": {"a": [[]]}}, "a value of filter is neither"),
        ({"events": "*", "filter": {"a": []}}, "a property of filter has no value"),
        ({"events": "*", "filter": {"a": [1] * 101}}, "a property of filter has no value, or more than 100"),
        ({"events": "*", "filter": dict.fromkeys(map(str, range(33)))}, "filter has more than 32 properties"),
        ({"events": "*", "filter": {"a": "x" * 4096}}, "filter has more than 4096 characters"),
    ],
)
def test_a_subscription_that_cannot_be_leaves_the_others(fields, error):
    talk = Talk(subscriptions=3, event_name=10).log_in()
    talk.say({"mt": "Subscribe", "src": "s", "events": ["a"]})
    held = talk.interests
    (answer,) = talk.say({"mt": "Subscribe", "api": "Events", "src": "s"} | fields)
    assert answer["error"].startswith(error)
    assert (answer["mt"], answer["api"], answer["src"]) == (
        "SubscribeResult",
        "Events",
        fields.get("src", "s"),
    )
    assert talk.interests is None
    talk.say({"mt": "Subscribe", "src": "t", "events": ["b"]})
    assert held < talk.interests


def test_names_count_in_all_subscriptions_together():
    talk = Talk(subscriptions=3).log_in()
    talk.say({"mt": "Subscribe", "src": 1, "events": ["a", "b"]})
    (answer,) = talk.say({"mt": "Subscribe", "src": 2, "events": ["a", "b"]})
    assert "more than 3" in answer["error"]
    assert "error" not in talk.say({"mt": "Subscribe", "src": 1, "events": ["a", "b", "c"]})[0]


def test_nothing_is_limited_if_the_operator_says_so():
    talk = Talk(subscriptions=0, event_name=0).log_in()
    names = [f"{number:02000}" for number in range(20)]
    assert "error" not in talk.say({"mt": "Subscribe", "src": "x" * 2000, "events": names})[0]


# -- anything


keys = st.sampled_from(["mt", "api", "src", "app", "digest", "info", "challenge", "events", "filter", "x"])
words = st.sampled_from(
    [
        "AppChallenge",
        "AppLogin",
        "CheckBuild",
        "KeepAlive",
        "AppInfo",
        "Subscribe",
        "Unsubscribe",
        "Events",
        "AppCheckLogin",
        "PbxInfo",
        "demo",
        "*",
        "a",
    ]
)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
messages = (
    st.text(max_size=20)
    | st.binary(max_size=20)
    | values.map(json.dumps)
    | st.dictionaries(keys, values, max_size=5).map(json.dumps)
    | st.builds(lambda mt, rest: json.dumps({"mt": mt} | rest), words, st.dictionaries(keys, values))
)


@given(st.lists(messages, max_size=8), st.booleans())
def test_whatever_an_app_says_it_gets_answers_only(said, first):
    talk = Talk().log_in() if first else Talk()
    for message in said:
        talk.say(message)
        for effect in talk.effects:
            assert not isinstance(effect, Close) or not first
            if isinstance(effect, Send):
                effect.text.encode()
                assert isinstance(json.loads(effect.text)["mt"], str)
        if talk.ended:
            assert talk.session.identity is None
            return


def test_a_session_shows_no_secret():
    talk = Talk()
    shown = repr(talk.session) + talk.challenge
    assert "s3cret" not in shown
    assert talk.challenge not in repr(talk.session)
    assert evolve(APPS["demo"], path="/y").path == "/y"
    assert isinstance(talk.session, InnovaphoneSession)
