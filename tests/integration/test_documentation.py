"""What the documentation shows, done as it stands."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.browser import browser
from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE, gateway, own_embedded_default, own_gateway
from wsevents.api import close_reasons
from wsevents.api.close_reasons import CloseReason
from wsevents.config.loader import load
from wsevents.config.plugins import Plugins

__all__ = ["browser", "gateway", "own_embedded_default", "own_gateway"]

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol" / "wazo.md").read_text()
COMMANDS = re.findall(r"^\| `({.*?})` \|.*\| `({.*?})` \|$", PROTOCOL, re.MULTILINE)
"""The commands and their replies."""


def blocks(page, kind):
    """Return the code blocks of a page in this language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


(MISTAKES,) = blocks(PROTOCOL, "text")
(INIT,) = blocks(PROTOCOL, "json")


# -- the protocol


def test_each_command_is_replied_to_as_documented(gateway):
    assert len(COMMANDS) == 5
    with gateway.connect("/?token=s3cret-user&version=2") as client:
        assert client.recv(DEADLINE) == INIT.strip()
        for command, reply in COMMANDS:
            client.send(command.replace("NEW", "s3cret-user"))
            assert client.recv(DEADLINE) == reply


def test_version_1_replies_until_start_and_then_to_start_alone(gateway):
    with gateway.connect("/?token=s3cret-user") as client:
        client.recv(DEADLINE)
        replies = [reply for _, reply in COMMANDS if "pong" not in reply]
        for command, _ in sorted(COMMANDS, key=lambda pair: "start" in pair[0]):
            client.send(command.replace("NEW", "s3cret-user"))
        assert {client.recv(DEADLINE) for _ in replies} == set(replies)
        for command, _ in COMMANDS:
            client.send(command.replace("NEW", "s3cret-user"))
        assert json.loads(client.recv(DEADLINE))["op"] == "start"
        client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
        client.send('{"op": "start"}')
        assert json.loads(client.recv(DEADLINE))["op"] == "start"
        body = gateway.publish("e")
        assert client.recv(DEADLINE) == body


def test_an_event_is_wrapped_as_documented(gateway):
    (wrapper,) = re.findall(r'`({"op": "event".*})`', PROTOCOL)
    with gateway.connect("/?token=s3cret-user&version=2") as client:
        client.send(COMMANDS[0][0])
        client.send('{"op": "start"}')
        for _ in ("init", "subscribe", "start"):
            client.recv(DEADLINE)
        body = gateway.publish("call_created")
        assert client.recv(DEADLINE) == wrapper.replace("…", body)


@pytest.mark.parametrize("mistake", [*MISTAKES.splitlines(), b'{"op": "start"}'])
def test_each_documented_mistake_closes_with_4004(gateway, mistake):
    with (
        gateway.connect("/?token=s3cret-user&version=2") as client,
        pytest.raises(ConnectionClosed) as closed,
    ):
        assert json.loads(client.recv(DEADLINE))["op"] == "init"
        client.send(mistake)
        client.recv(DEADLINE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4004, "")


NEVER = {close_reasons.IDLE, close_reasons.UNAUTHENTICATED}
"""Of other protocols: here the token is asked about at once, and what comes of that ends the session."""


def test_every_close_code_of_the_protocol_is_documented():
    table = re.search(r"## Close codes\n(.*?)\n## ", PROTOCOL, re.DOTALL)[1]
    rows = re.findall(r"^\| (\d+) \| (.*?) ?\|", table, re.MULTILINE)
    documented = {(int(code), reason.strip("`")) for code, said in rows for reason in said.split(", ")}
    closings = {
        one for one in vars(close_reasons).values() if isinstance(one, CloseReason) and one.code is not None
    }
    assert documented == {(one.code, one.reason) for one in closings - NEVER}


def test_the_client_in_python_prints_events_and_why_it_ended(own_embedded_default):
    (example,) = blocks(PROTOCOL, "python")
    url = f"wss://localhost:{own_embedded_default.port}/?token=demo&version=2"
    client = subprocess.Popen([sys.executable, "-c", example, url], stdout=subprocess.PIPE)
    with client:
        assert re.fullmatch(rb"[a-z_]+\n", client.stdout.readline())
        own_embedded_default.process.send_signal(signal.SIGTERM)
        rest = client.stdout.read()
    assert rest.endswith(b"closed: 1001 \n")


def test_the_client_in_a_browser_hears_events_and_why_it_ended(browser, own_gateway):
    (example,) = blocks(PROTOCOL, "javascript")
    browser.open(f"https://localhost:{own_gateway.port}/")
    browser.run("window.said = []; console.log = (...words) => said.push(words);")
    browser.run(f"const token = 's3cret-user'; {example}")

    def heard():
        own_gateway.publish("other")
        own_gateway.publish("call_created")
        return browser.run("return said.map(([event]) => event.name)")

    assert set(browser.until(heard, "an event")) == {"call_created"}
    own_gateway.stop()
    assert browser.until(
        lambda: browser.run("return said.find(([word]) => word == 'closed')"), "the end"
    ) == [
        "closed",
        1001,
        "",
    ]


# -- the configuration


DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", DOCS / "migration.md", *sorted((DOCS / "operating").glob("*.md"))]
EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, text in enumerate(blocks(page.read_text(), "yaml"))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_configuration_that_is_shown_can_be_used(tmp_path, text):
    (tmp_path / "ssl").mkdir()
    write_pair(tmp_path / "ssl")
    for named in re.findall(r"_file: /etc/wsevents/(\S+)", text):
        (tmp_path / named).write_text("a secret")
    file = tmp_path / "config.yml"
    file.write_text(text.replace("/etc/wsevents", str(tmp_path)))
    assert load(file, Plugins(), {}).listen


def test_the_shown_configurations_are_found():
    assert len(EXAMPLES) >= 7
