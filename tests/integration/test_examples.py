"""The programs of docs/examples, run as they stand against a gateway over real TLS, and a wazo-auth."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.browser import browser
from tests.support.certificates import write_pair
from tests.support.gateway_process import GatewayProcess
from tests.support.ports import reserved_ports
from tests.support.wazo_auth import WazoAuth

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
MODULES = ROOT / "tests" / "node" / "node_modules"
CONFIG = """
status: {{endpoint: "tcp:{status}:interface=127.0.0.1"}}
listen: ["ssl:{listen}:interface=127.0.0.1:privateKey={key}:certKey={crt}"]
bus: {{type: memory}}
auth: {{host: 127.0.0.1, port: {auth}, check_strategy: static, check_static_interval: 1}}
"""
BRIEF = 6
"""Seconds of a token's life: it is renewed after half of them, whatever else the machine does."""


class Pages(Resource):
    """The page of the examples at every path that nothing else is at; browsers ask for an icon, too."""

    def getChild(self, path, request):
        return self

    def render_GET(self, request):
        return (EXAMPLES / "wazo.html").read_bytes()


class Wazo:
    """A host of Wazo: a wazo-auth with a page beside it, and a gateway on a port that it keeps."""

    def __init__(self, folder, reactor):
        self.folder = folder
        self.auth = WazoAuth(reactor, users={"alice": "s3cret"})
        self.auth.issue("T-publisher")
        root = Pages()
        root.putChild(b"api", self.auth)
        # A browser keeps its connections for later, and closes them after the test: no timer waits for that.
        self.listener = reactor.listenTCP(0, Site(root, timeout=None), interface="127.0.0.1")
        self.web = f"http://127.0.0.1:{self.listener.getHost().port}"
        key, self.crt = write_pair(folder)
        self.port, self.status = reserved_ports(2)
        auth = self.listener.getHost().port
        self.text = CONFIG.format(listen=self.port, status=self.status, key=key, crt=self.crt, auth=auth)
        self.gateway = None

    @property
    def url(self):
        return f"wss://localhost:{self.port}/"

    @property
    def token(self):
        return f"{self.web}/api/auth/0.1/token"

    def start(self):
        """Start the gateway, for the first time or again."""
        self.gateway = GatewayProcess(self.folder, self.text).ready()

    def kick(self):
        """End all sessions, as an operator does."""
        url = f"http://127.0.0.1:{self.status}/kick"
        user = self.auth.tokens["T-publisher"]["auth_id"]
        kind = {"Content-Type": "application/json"}
        with urlopen(Request(url, json.dumps({"user": user}).encode(), kind)) as answer:
            assert json.load(answer) == {"kicked": 1}

    def publish(self, name):
        self.gateway.publish(name, token="T-publisher")

    def logins(self):
        """Return how many tokens people have been given."""
        return sum(request.method == "POST" for request in self.auth.requests)

    def revoke(self):
        """Revoke all tokens but the publisher's."""
        for token in set(self.auth.tokens) - {"T-publisher"}:
            self.auth.revoke(token)


@async_yield_fixture
async def wazo(tmp_path):
    from twisted.internet import reactor

    it = Wazo(tmp_path, reactor)
    await deferToThread(it.start)
    try:
        yield it
    finally:
        await deferToThread(it.gateway.stop)
        await it.listener.stopListening()


class Program:
    """A program that is told which events to print; trusts the gateway's certificate."""

    def __init__(self, wazo, command, **environment):
        trusted = {"SSL_CERT_FILE": str(wazo.crt), "NODE_EXTRA_CA_CERTS": str(wazo.crt)}
        account = {"WAZO_USER": "alice", "WAZO_PASSWORD": "s3cret", "NODE_PATH": str(MODULES)}
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env=os.environ | trusted | account | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def says(self, *lines):
        """Wait for lines, each the beginning of one; return the last."""
        for line in lines:
            said = await deferToThread(self.process.stdout.readline)
            assert said.startswith(line), said + self.rest(said)
        return said

    def rest(self, said):
        return "" if said else f"ended with {self.process.wait()}"

    async def says_after_tries(self, line, *failures):
        """Wait for a line; until then it may say that it cannot connect, or one of these failures."""
        said = "not connected"
        while said.startswith(("not connected", "closed: 1006", *failures)):
            said = await deferToThread(self.process.stdout.readline)
        assert said.startswith(line), said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.stdout.close()
        self.process.wait()


def python(wazo, *names):
    return Program(wazo, [sys.executable, EXAMPLES / "wazo.py", wazo.url, wazo.token, *names])


def node(wazo, *names):
    program = shutil.which("node")
    if program is None or not (MODULES / "ws").exists():
        pytest.fail(
            f"needs nodejs, and `npm ci` in {MODULES.parent}: `make test` installs both", pytrace=False
        )
    return Program(wazo, [program, EXAMPLES / "wazo.js", wazo.url, wazo.token, *names])


def twisted(wazo, *names):
    return Program(
        wazo, [sys.executable, EXAMPLES / "wazo_twisted.py", wazo.url, *names], TOKEN="T-publisher"
    )


both = pytest.mark.parametrize("program", [python, node])
all_three = pytest.mark.parametrize("program", [python, node, twisted])


@all_three
@ensureDeferred
async def test_a_program_prints_what_it_asked_for_and_comes_back_after_a_restart(wazo, program):
    with program(wazo, "call_created", "call_ended") as client:
        await client.says("listening")
        for name in ("call_created", "other", "call_ended"):
            await deferToThread(wazo.publish, name)
        await client.says("call_created", "call_ended")
        await deferToThread(wazo.gateway.stop)
        await client.says("closed: 1001")
        await deferToThread(wazo.start)
        await client.says_after_tries("listening")
        await deferToThread(wazo.publish, "call_created")
        await client.says("call_created")


@all_three
@ensureDeferred
async def test_a_program_stops_where_another_try_would_be_useless(wazo, program):
    with program(wazo, "x" * 2000) as client:
        await client.says("closed: 4004")
        assert await deferToThread(client.process.wait) == (0 if program is twisted else 1)


@all_three
@ensureDeferred
async def test_a_program_that_an_administrator_ended_does_not_come_back(wazo, program):
    with program(wazo, "call_created") as client:
        await client.says("listening")
        await deferToThread(wazo.kick)
        await client.says("closed: 1008 ended by an administrator")
        await deferToThread(client.process.wait)


@both
@ensureDeferred
async def test_a_program_stays_connected_by_renewing_its_token(wazo, program):
    wazo.auth.lifetime = BRIEF
    with program(wazo, "call_created") as client:
        await client.says("listening")
        await wazo.auth.requested(len(wazo.auth.requests) + 1)
        while wazo.logins() < 3:  # when the third is given out, the time of the first is over
            await wazo.auth.requested(len(wazo.auth.requests) + 1)
        await deferToThread(wazo.publish, "call_created")
        await client.says("call_created")


@both
@ensureDeferred
async def test_a_program_whose_token_is_revoked_logs_in_again(wazo, program):
    with program(wazo, "call_created") as client:
        await client.says("listening")
        wazo.revoke()
        await client.says("closed: 4003 authentication expired", "listening")
        await deferToThread(wazo.publish, "call_created")
        await client.says("call_created")


@all_three
@ensureDeferred
async def test_a_program_comes_back_when_wazo_auth_could_not_check_its_token(wazo, program):
    wazo.auth.body = b"not the answer of a wazo-auth"
    with program(wazo, "call_created") as client:
        await client.says("closed: 4002 authentication failed")
        wazo.auth.body = None
        await client.says_after_tries("listening", "closed: 4002")
        await deferToThread(wazo.publish, "call_created")
        await client.says("call_created")


@ensureDeferred
async def test_the_page_comes_back_when_wazo_auth_could_not_check_its_token(wazo, browser):
    wazo.auth.body = b"not the answer of a wazo-auth"
    await deferToThread(log_in, browser, wazo)
    await deferToThread(browser.shows, "#state", "closed: 4002 authentication failed")
    wazo.auth.body = None
    await deferToThread(browser.shows, "#state", "listening")


@both
@ensureDeferred
async def test_a_program_with_a_wrong_password_says_so_and_stops(wazo, program):
    wazo.auth.users["alice"] = "another"
    with program(wazo, "call_created") as client:
        if program is python:
            await client.says("not connected: HTTP Error 401")
        await client.says("wrong user or password")
        assert await deferToThread(client.process.wait) == 1


def log_in(browser, wazo):
    browser.open(f"{wazo.web}/wazo.html#{wazo.url}")
    browser.type("[name=user]", "alice")
    browser.type("[name=password]", "s3cret")
    browser.click("button")


def events(browser):
    return browser.run("return [...document.querySelectorAll('#events li')].map((one) => one.textContent)")


def shows_events(browser, *names):
    browser.until(lambda: events(browser) == list(names), f"{names}")


@ensureDeferred
async def test_the_page_shows_events_and_comes_back_after_a_restart(wazo, browser):
    await deferToThread(log_in, browser, wazo)
    await deferToThread(browser.shows, "#state", "listening")
    for name in ("call_created", "other", "call_ended"):
        await deferToThread(wazo.publish, name)
    await deferToThread(shows_events, browser, "call_created", "call_ended")
    await deferToThread(wazo.gateway.stop)
    await deferToThread(browser.until, lambda: browser.text("#state") != "listening", "the end")
    await deferToThread(wazo.start)
    await deferToThread(browser.shows, "#state", "listening")
    await deferToThread(wazo.publish, "call_created")
    await deferToThread(shows_events, browser, "call_created", "call_ended", "call_created")


@ensureDeferred
async def test_the_page_renews_its_token_and_logs_in_again_when_it_is_revoked(wazo, browser):
    wazo.auth.lifetime = BRIEF
    await deferToThread(log_in, browser, wazo)
    await deferToThread(browser.shows, "#state", "listening")
    await deferToThread(browser.run, "window.said = []; window.show = (text) => said.push(text);")
    while wazo.logins() < 3:
        await wazo.auth.requested(len(wazo.auth.requests) + 1)
    await deferToThread(wazo.publish, "call_created")
    await deferToThread(shows_events, browser, "call_created")
    assert await deferToThread(browser.run, "return said") == []
    wazo.revoke()
    await deferToThread(
        browser.until, lambda: browser.run("return said.includes('listening')"), "another session"
    )
    said = await deferToThread(browser.run, "return said")
    assert said[0] == "closed: 4003 authentication expired"


@ensureDeferred
async def test_the_page_says_that_the_password_is_wrong(wazo, browser):
    wazo.auth.users["alice"] = "another"
    await deferToThread(log_in, browser, wazo)
    await deferToThread(browser.shows, "#state", "not connected: wrong user or password")
    await deferToThread(browser.until, lambda: browser.find("button").is_enabled(), "another try")
