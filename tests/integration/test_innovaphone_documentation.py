"""What the page on innovaphone's protocol shows, done as it stands."""

import ast
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.test_documentation import blocks
from tests.support.browser import browser
from tests.support.gateway_process import DEADLINE, GatewayProcess, shared, standalone
from wsevents.api.close_reasons import UNAUTHENTICATED
from wsevents.client import AppLogin
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins
from wsevents.dialects.innovaphone.login import login_message
from wsevents.dialects.innovaphone.session import LOGIN_FAILED, LOGIN_FIRST, LOGIN_LATE

__all__ = ["browser"]

PAGE = (Path(__file__).parents[2] / "docs" / "protocol" / "innovaphone.md").read_text()
PATH, PASSWORD = "/PBX0/APPS/websocket", "demo-password"
LIBRARY, CLIENT, DELEGATED = blocks(PAGE, "python")
(CONFIGURATION,) = blocks(PAGE, "yaml")
PUBLISHED, RECEIVED = blocks(PAGE, "json")


def section(title):
    return PAGE.split(f"\n{title}\n")[1].split("\n## ")[0]


def table(text):
    """Return the rows of the first table in a text, without its head."""
    rows = re.search(r"((?:^\|.*\|\n)+)", text, re.MULTILINE)[1].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


ANSWERS = [
    (message.strip("`"), None if answer == "none" else answer.strip("`"))
    for message, answer in table(section("## After the login"))
]
BEFORE, AFTER, _ = (
    table(part)
    for part in re.split(r"\n(?=After the login, |Further limits)", section("## What a client can do wrong"))
)


def begin(folder):
    text = CONFIGURATION.replace("29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3", "t1").replace("calls.#", "#")
    return GatewayProcess(folder, standalone(folder) + text)


sharing = shared(begin)


@pytest.fixture
def gateway(sharing):
    return sharing.running()


def log_in(client):
    client.send('{"mt":"AppChallenge"}')
    challenge = json.loads(client.recv(DEADLINE))["challenge"]
    client.send(login_message(AppLogin("demo"), AppLogin("demo").digest(challenge, PASSWORD)))
    assert client.recv(DEADLINE) == '{"mt":"AppLoginResult","ok":true}'


def check(client, sent, happens):
    """Say a thing, and see that the page is right about what happens."""
    client.send(sent)
    answer = re.match(r"`({.*})`", happens)
    if answer:
        assert client.recv(DEADLINE) == answer[1]
    closed = re.search(r"(\d{4}) `([a-z ]+)`$", happens)
    if closed:
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(DEADLINE)
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (int(closed[1]), closed[2])
    assert answer or closed or happens.startswith("nothing"), happens


def test_the_page_has_its_tables():
    assert (len(ANSWERS), len(BEFORE), len(AFTER)) == (8, 12, 19)


def test_each_message_is_answered_as_documented(gateway):
    with gateway.connect(PATH) as client:
        log_in(client)
        for message, answer in ANSWERS:
            client.send(message)
            if answer is not None:
                assert client.recv(DEADLINE) == answer


def test_each_mistake_before_the_login_has_what_is_documented(gateway):
    for sent, happens in [*BEFORE, [b"{}", "1008 `login first`"]]:
        with gateway.connect(PATH) as client:
            check(client, sent.strip("`") if isinstance(sent, str) else sent, happens)
            if happens == "nothing":
                log_in(client)


def test_each_mistake_after_the_login_has_what_is_documented(gateway):
    with gateway.connect(PATH) as client:
        log_in(client)
        for sent, happens in [*AFTER, [b"{}", '`{"mt":"Error","error":"a binary message"}`']]:
            check(client, sent.strip("`") if isinstance(sent, str) else sent, happens)
            client.send('{"mt":"KeepAlive"}')
            assert client.recv(DEADLINE) == '{"mt":"KeepAlive"}'


@pytest.mark.parametrize(
    "text", ["[" * 100000, '{"mt":' * 100000, '{"mt":"Foo","n":NaN}', '{"mt":"Foo","n":' + "1" * 5000 + "}"]
)
def test_what_only_looks_like_json_is_answered(gateway, text):
    with gateway.connect(PATH) as client:
        log_in(client)
        check(client, text, '`{"mt":"Error","error":"not a JSON object with each key once"}`')


def test_a_message_that_is_too_long_closes_with_1009(tmp_path):
    text = standalone(tmp_path) + CONFIGURATION + "limits: {message_bytes: 1000}\n"
    with GatewayProcess(tmp_path, text) as process:
        with process.ready().connect(PATH) as client, pytest.raises(ConnectionClosed) as closed:
            client.send(json.dumps({"mt": "x" * 1000}))
            client.recv(DEADLINE)
        assert closed.value.rcvd.code == 1009


def test_an_event_becomes_what_is_documented(gateway):
    with gateway.connect(PATH) as client:
        log_in(client)
        client.send(ANSWERS[5][0])
        client.recv(DEADLINE)
        gateway.publish("call_created", data={"direction": "out"})
        published = json.loads(PUBLISHED)
        gateway.publish(published["name"], data=published["data"])
        assert client.recv(DEADLINE) == RECEIVED.strip()


CLOSINGS = (LOGIN_FAILED, LOGIN_FIRST, LOGIN_LATE, UNAUTHENTICATED)


def test_every_close_code_of_its_own_is_documented():
    rows = [(code, reason.strip("`")) for code, reason, *_ in table(section("## Close codes"))]
    own = {(str(close_reasons.code), close_reasons.reason) for close_reasons in CLOSINGS}
    assert {row for row in rows if row[0] == "1008"} == own


def test_the_configuration_has_every_key_at_its_default():
    section = parse("listen: ['tcp:0']\n" + CONFIGURATION, "page", Plugins(), {}).dialects["innovaphone"]
    kind = type(section)
    app = section.apps["demo"]
    assert section == kind(apps={"demo": app})
    named = set(re.findall(r"^ +(\w+):", CONFIGURATION, re.MULTILINE))
    assert {each for one in (section, app) for each in one.__slots__ if each[0] != "_"} <= named


# -- the examples


def test_what_the_library_computes_is_as_shown():
    exec(compile(LIBRARY, "page", "exec"), {})


def test_the_login_by_way_of_the_pbx_is_python():
    ast.parse(DELEGATED)


def test_the_client_in_python_prints_events_and_comes_back(gateway):
    url = f"wss://localhost:{gateway.port}{PATH}"
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, url, "demo", PASSWORD], stdout=subprocess.PIPE
    ) as client:
        assert client.stdout.readline() == b"SubscribeResult \n"
        gateway.publish("call_created")
        assert client.stdout.readline() == b"Event call_created\n"
        gateway.stop()
        assert client.stdout.readline() == b"closed: the server closed with 1001\n"
        assert client.stdout.readline().startswith(b"closed: cannot connect: ")
        client.send_signal(signal.SIGTERM)


def test_the_client_in_a_browser_hears_events_and_why_it_ended(browser, gateway):
    (example,) = blocks(PAGE, "javascript")
    browser.open(f"https://localhost:{gateway.port}/")
    browser.run("window.said = []; console.log = (...words) => said.push(words);")
    browser.run(f"const app = 'demo', password = '{PASSWORD}'; {example}")

    def heard():
        gateway.publish("other")
        gateway.publish("call_created", data={"n": 1})
        return browser.run("return said")

    assert browser.until(heard, "an event")[0] == ["call_created", {"n": 1}]
    gateway.stop()
    ended = browser.until(lambda: browser.run("return said.find(([word]) => word == 'closed')"), "the end")
    assert ended == ["closed", 1001, ""]
