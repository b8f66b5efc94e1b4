"""Apps at the server: on the wire, on a clock of the test's own."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.innovaphone.test_session import APPS, PATH, messages
from tests.support.world import World
from wsevents.api.settings import Config
from wsevents.dialects.innovaphone import InnovaphoneDialect
from wsevents.dialects.innovaphone.login import AppLogin, login_message
from wsevents.dialects.innovaphone.settings import InnovaphoneSettings
from wsevents.dialects.wazo import WazoDialect

URL = f"ws://localhost:9502{PATH}"


def world(**settings):
    own = InnovaphoneSettings(apps=APPS, **settings)
    return World(dialects=[InnovaphoneDialect.create(own, Config()), WazoDialect.create(None, Config())])


def log_in(world, url=URL):
    app = world.client(url)
    world.say(app, '{"mt":"AppChallenge"}')
    challenge = json.loads(app.heard[-1])["challenge"]
    world.say(app, login_message(AppLogin("demo"), AppLogin("demo").digest(challenge, "s3cret")))
    assert json.loads(app.heard.pop()) == {"mt": "AppLoginResult", "ok": True}
    app.heard.clear()
    return app


def test_no_pong_is_needed():
    here = world()
    app = log_in(here)
    app.answers_pings = False
    for _ in range(60):
        here.run(60)
    here.say(app, '{"mt":"KeepAlive"}')
    assert app.heard == ['{"mt":"KeepAlive"}']


def test_pings_can_be_turned_off_and_silence_be_bounded():
    here = world(ping_interval=0, idle=100)
    app = log_in(here)
    received = app.received
    here.run(99)
    assert app.received == received
    here.run(1)
    assert app.closed[:2] == (1000, "")
    assert here.is_empty()


def test_the_login_has_a_deadline_that_ends_with_it():
    here = world()
    late = here.client(URL)
    app = log_in(here)
    here.run(11)
    assert late.closed[:2] == (1008, "login timeout")
    assert app.closed is None


def test_a_lost_bus_closes_apps():
    here = world()
    app = log_in(here)
    for peer in here.gateway_state.registry:
        peer.bus_lost()
    here.run()
    assert app.closed[:2] == (1011, "bus connection lost")
    assert here.is_empty()


def test_an_app_that_leaves_leaves_nothing():
    here = world()
    app = log_in(here)
    here.say(app, '{"mt":"Subscribe","src":"s","events":["e","f"]}')
    here.publish("e", b'{"data": 1}')
    assert len(app.heard) == 2
    app.sendClose()
    here.run()
    assert here.is_empty()


@given(st.lists(messages, max_size=10), st.booleans())
def test_whatever_one_app_says_does_not_reach_another(said, logged_in):
    here = world()
    good = log_in(here)
    wazo = here.client()
    here.say(good, '{"mt":"Subscribe","src":"s","events":"*"}')
    before = list(wazo.heard)
    bad = log_in(here) if logged_in else here.client(URL)
    for message in said:
        if bad.closed is None:
            here.say(bad, message)
    here.publish("e", b'{"data": 1}')
    assert [json.loads(text)["mt"] for text in good.heard] == ["SubscribeResult", "Event"]
    assert wazo.heard == before
    assert (good.closed, wazo.closed) == (None, None)
    assert not logged_in or bad.closed is None
    for client in (good, wazo, bad):
        client.sendClose()
    here.run()
    assert here.is_empty()
