"""What docs/protocol/voipbin.md shows, done as it stands."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.test_documentation import blocks
from tests.integration.test_voipbin import mixed, refused, sharing_mixed
from tests.support.browser import browser
from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE
from tests.support.voipbin import (
    AGENT,
    CALL,
    CUSTOMER,
    OTHER,
    QUEUE,
    bus,
    call,
    claims,
    sharing_voipbin,
    signed,
    topic,
    voipbin,
    voipbin_on_rabbitmq,
)
from wsevents.config.loader import load
from wsevents.config.plugins import Plugins
from wsevents.dialects.voipbin.frame import event_type

__all__ = ["browser", "bus", "mixed", "sharing_mixed", "sharing_voipbin", "voipbin", "voipbin_on_rabbitmq"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol" / "voipbin.md").read_text()
REFUSAL, SUBSCRIPTION, FRAME, GENERIC, MAPPED = (json.loads(block) for block in blocks(PAGE, "json"))
MISTAKES = re.findall(r"(?m)^\| `(.*)` \| (ignored|dropped) \|$", PAGE)
NODE = ROOT / "tests" / "node"
TOKEN = signed(claims())

MESSAGE = {"direction": "inbound", "source": {"target": "+15550100"}, "text": "hello"}
EVENTS = [
    ("call_progressing", call(), f"call {CALL} is progressing"),
    ("message_created", call(**MESSAGE), "message from +15550100 says hello"),
    ("activeflow_updated", call(current_action={"type": "talk"}), f"flow {CALL} is at talk"),
    ("queuecall_created", call(reference_id=OTHER, queue_id=QUEUE), f"call {OTHER} waits in {QUEUE}"),
    ("agent_status_updated", call(id=AGENT, status="busy", owner_id=AGENT), f"agent {AGENT} is busy"),
]


def timeless(frame):
    """Return a frame without the time, which must be written as the page has it."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", frame["timestamp"])
    return {name: value for name, value in frame.items() if name != "timestamp"}


def publish(bus, kinds):
    """Publish the events of these numbers; return what is to be said about them."""
    said = []
    for kind, resource, text in (EVENTS[number] for number in kinds):
        scope = ("agent_id", AGENT) if kind.startswith("agent") else ()
        bus.publish(kind, resource, bus.key(kind, resource, *scope))
        said.append(text)
    return said


# -- refusals, frames, mistakes


def test_the_refusal_is_as_shown(voipbin):
    status, error = refused(voipbin, "/v1.0/ws")
    assert status == 401
    assert list(error) == list(REFUSAL["error"])
    assert error | {"request_id": ""} == REFUSAL["error"] | {"request_id": ""}


def test_a_frame_is_as_shown(voipbin_on_rabbitmq, bus):
    with voipbin_on_rabbitmq.visit() as client:
        client.send(json.dumps(SUBSCRIPTION))
        client.settle()
        bus.publish("call_progressing", FRAME["data"])
        assert timeless(client.hears()) == timeless(FRAME)


def test_a_generic_event_becomes_what_is_shown(mixed):
    with mixed.visit() as client:
        client.subscribe(topic())
        mixed.publish(GENERIC["name"], data=GENERIC["data"], required_acl="events.calls.x")
        assert timeless(client.hears()) == timeless(MAPPED)


@pytest.mark.parametrize(
    ("kinds", "name"), re.findall(r"(?m)^\| (`\w+`.*|any other.*) \| .*`([\w.]+)` \|$", PAGE), ids=str
)
def test_the_tutorials_names_are_as_shown(kinds, name):
    for kind in re.findall(r"`([a-z]+_\w+)`", kinds):
        assert event_type(kind, {"direction": "inbound"}) == name


@pytest.mark.parametrize(("mistake", "result"), MISTAKES)
def test_each_mistake_has_the_result_that_is_shown_and_reaches_nobody_else(mixed, mistake, result):
    with mixed.visit() as client, mixed.visit() as other:
        other.subscribe(topic())
        client.send(mistake.replace("C:", f"{CUSTOMER}:").replace('C"', f'{CUSTOMER}"'))
        if result == "dropped":
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(DEADLINE)
            assert closed.value.rcvd is None
        else:
            client.settle()
            mixed.publish("call_created", data={"id": "unheard"})
            client.subscribe(topic("message"))
            mixed.publish("message_created", data={"id": "heard"})
            assert client.hears()["id"] == "heard"
            assert other.hears()["id"] == "unheard"
        mixed.publish("call_created", data={"id": "last"})
        assert "last" in {other.hears()["id"] for _ in range(1 if result == "dropped" else 2)}
    assert "Traceback" not in mixed.log


def test_a_binary_message_drops_the_connection(voipbin):
    with voipbin.visit() as client, pytest.raises(ConnectionClosed) as closed:
        client.send(json.dumps(SUBSCRIPTION).encode())
        client.recv(DEADLINE)
    assert closed.value.rcvd is None


def test_the_tables_are_found():
    assert len(MISTAKES) == 21


def test_the_configuration_can_be_used_and_shows_every_key_at_its_default(tmp_path):
    (text,) = blocks(PAGE, "yaml")
    key, crt = write_pair(tmp_path)
    (tmp_path / "jwt.key").write_text("k" * 32)
    text = text.replace("/etc/wsevents", str(tmp_path))
    file = tmp_path / "config.yml"
    file.write_text(f"listen: ['ssl:9502:privateKey={key}:certKey={crt}']\n{text}")
    section = load(file, Plugins(), {}).dialects["voipbin"]
    default = type(section)()
    given = {"jwt_key", "access_keys", "lookup", "frozen_accounts"}
    for each in attrs.fields(type(section)):
        assert re.search(rf"\n    {each.name}(_file)?:", text)
        assert each.name in given or getattr(section, each.name) == getattr(default, each.name)


# -- programs


def test_the_program_in_python_says_what_happens_and_why_it_ended(voipbin_on_rabbitmq, bus):
    (program,) = blocks(PAGE, "python")
    url = f"wss://localhost:{voipbin_on_rabbitmq.port}/v1.0/ws?token={TOKEN}"
    command = [sys.executable, "-c", program, url, CUSTOMER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        for text in publish(bus, (0, 1, 2)):
            assert client.stdout.readline() == f"{text}\n"
        voipbin_on_rabbitmq.process.send_signal(signal.SIGTERM)
        assert client.stdout.read() == "closed: 1001 None\n"


def test_the_program_in_node_says_what_happens_and_why_it_ended(tmp_path, voipbin_on_rabbitmq, bus):
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "ws").exists():
        pytest.fail(f"needs nodejs, and `npm ci` in {NODE}: `make test` installs both", pytrace=False)
    (program,) = blocks(PAGE, "js")
    url = f"wss://localhost:{voipbin_on_rabbitmq.port}/v1.0/ws?token={TOKEN}"
    (tmp_path / "watch.js").write_text(program)
    command = [node, tmp_path / "watch.js", url, CUSTOMER, AGENT]
    environment = os.environ | {"NODE_PATH": str(NODE / "node_modules")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as client:
        for text in publish(bus, (0, 1, 3, 4)):
            assert client.stdout.readline() == f"{text}\n"
        voipbin_on_rabbitmq.process.send_signal(signal.SIGTERM)
        assert client.stdout.read().strip() == "closed: 1001"


def test_the_page_in_a_browser_says_what_happens_and_why_it_ended(browser, voipbin_on_rabbitmq, bus):
    (program,) = blocks(PAGE, "javascript")
    browser.open(f"https://localhost:{voipbin_on_rabbitmq.port}/")
    browser.run("window.said = []; window.show = (text) => said.push(text);")
    browser.run(f"const token = '{TOKEN}', customer = '{CUSTOMER}'; {program}")
    wanted = publish(bus, (0, 1, 2))
    browser.until(lambda: len(browser.run("return said")) == len(wanted), "the events")
    voipbin_on_rabbitmq.stop()
    browser.until(lambda: len(browser.run("return said")) > len(wanted), "the end")
    assert browser.run("return said") == [*wanted, "closed: 1001 "]
