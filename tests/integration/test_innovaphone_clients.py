"""Both ends against each other: our client, and one in a browser, at our gateway, over real TLS."""

import json
from pathlib import Path
from random import Random

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import DeferredQueue
from twisted.internet.threads import deferToThread

from tests.integration.test_innovaphone import APPS, PASSWORD, PATH
from tests.support.browser import browser
from tests.support.gateway_process import GatewayProcess, shared, standalone
from wsevents.client import AppWebsocketClient, Backoff, NotOpenError
from wsevents.dialects.innovaphone.login import SessionKey
from wsevents.endpoints.tls_client import tls_for, trust_in

__all__ = ["browser"]

SIZE = 20000
LIBRARY = Path(__file__).with_name("appwebsocket.js").read_text()


sharing = shared(lambda folder: GatewayProcess(folder, standalone(folder) + APPS))


@pytest.fixture
def gateway(sharing):
    return sharing.running()


# -- our own client


@async_yield_fixture(autouse=True)
async def reason():
    """Close the clients that a test leaves open; otherwise they would reconnect without end."""
    yield
    while Program.made:
        await Program.made.pop().close()


class Program:
    """A program of our client that trusts the gateway's certificate alone."""

    made = []  # noqa: RUF012 all of one test

    def __init__(self, gateway, password=PASSWORD, **options):
        trusted = trust_in(str(gateway.folder / "server.crt"))
        options.setdefault("tls", tls_for("localhost", trusted))
        self.messages, self.endings = DeferredQueue(), DeferredQueue()
        self.client = AppWebsocketClient.connect(
            f"wss://localhost:{gateway.port}{PATH}",
            password,
            "demo",
            backoff=Backoff(Random(1), first=0.01, longest=0.1),
            **options,
        )
        self.made.append(self.client)
        self.client.on_message(lambda _, text: self.messages.put(json.loads(text)))
        self.client.on_close(lambda _, ending: self.endings.put(ending))

    async def ask(self, **message):
        self.client.send(json.dumps(message))
        return await self.messages.get()


@ensureDeferred
async def test_our_client_hears_what_our_gateway_sends(gateway):
    since = len(gateway.log)
    program = Program(gateway, info='{"cn": "Jané", "n": 1.50}', keep_alive=30)
    await program.client.opened()
    assert await program.ask(mt="Subscribe", api="Events", src=1, events=["call_created"]) == {
        "mt": "SubscribeResult",
        "api": "Events",
        "src": 1,
    }
    await deferToThread(gateway.publish, "call_created", data={"long": "x" * 50000})
    event = await program.messages.get()
    assert (event["src"], event["data"]) == (1, {"long": "x" * 50000})
    await program.client.close()
    assert (await program.endings.get()).code == 1000
    await deferToThread(gateway.wait_for, "session closed: innovaphone .*user=demo", since)


@ensureDeferred
async def test_our_client_comes_back_to_a_gateway_that_was_restarted(tmp_path):
    text = standalone(tmp_path) + APPS
    first = await deferToThread(GatewayProcess, tmp_path, text)
    port = (await deferToThread(first.ready)).port
    program = Program(first)
    opened = DeferredQueue()
    program.client.on_open(opened.put)
    await opened.get()
    await deferToThread(first.stop)
    assert (await program.endings.get()).code == 1001
    assert (await program.endings.get()).why.startswith("cannot connect")
    again = await deferToThread(GatewayProcess, tmp_path, text.replace("ssl:0:", f"ssl:{port}:"))
    try:
        await opened.get()
        assert (await program.ask(mt="KeepAlive", src="s")) == {"mt": "KeepAlive", "src": "s"}
        await program.client.close()
    finally:
        await deferToThread(again.stop)


@ensureDeferred
async def test_our_client_is_told_of_a_wrong_password_and_trusts_no_stranger(gateway):
    wrong = Program(gateway, "wrong")
    with pytest.raises(NotOpenError, match="rejected"):
        await wrong.client.opened(attempts=1)
    await wrong.client.close()
    doubting = Program(gateway, tls=tls_for("localhost"))
    with pytest.raises(NotOpenError, match=r"certificate|closed uncleanly"):
        await doubting.client.opened(attempts=1)
    await doubting.client.close()


@ensureDeferred
async def test_flow_control_holds_over_tls(gateway):
    program = Program(gateway)
    client, count = program.client, 30
    await client.opened()
    await program.ask(mt="Subscribe", src="s", events="*")
    client.set_flow_control(True)

    def publish():
        for number in range(count):
            gateway.publish("e", data={"number": number, "x": "y" * SIZE})

    await deferToThread(publish)
    # The reactor was at work all the while, and would have read.
    assert client._connection.trafficStats.incomingOctetsWireLevel < count * SIZE / 2
    for number in range(count):
        assert (await program.messages.get())["data"]["number"] == number
        assert not program.messages.pending
        client.message_complete()
    await client.close()


# -- one in a browser


def begin(browser, gateway, login, password=PASSWORD):
    browser.open(f"https://localhost:{gateway.port}/")
    browser.run(LIBRARY + "; window.AppWebsocket = AppWebsocket;")
    browser.run(
        "[window.url, window.login, window.password] = arguments[0];"
        "window.app = new AppWebsocket(url, login, password);".replace(
            "arguments[0]", json.dumps([f"wss://localhost:{gateway.port}{PATH}", login, password])
        )
    )


def test_an_app_in_a_browser_logs_in_subscribes_and_shares_a_key(browser, gateway):
    info = {"cn": 'Jané "Q" / é', "n": 1.5, "apps": [{"name": "demo"}]}
    login = {"app": "demo", "domain": "example.org", "sip": "jane", "dn": "Jané", "info": info}
    begin(browser, gateway, login)
    browser.until(lambda: browser.run("return app.events.opened"), "the login")
    browser.run(
        "window.seen = {a: [], b: [], c: [], api: []};"
        "app.apis.set('Other', (message) => seen.api.push(message));"
        "app.ask({mt: 'Subscribe', api: 'Events', events: ['call_created']}, (one) => seen.a.push(one));"
        "app.ask({mt: 'Subscribe', api: 'Events', events: '*', filter: {n: 2}}, (one) => seen.b.push(one));"
        "app.ask({mt: 'AppInfo', app: 'demo'}, (one) => seen.c.push(one));"
        "app.put({mt: 'KeepAlive'}); app.put({mt: 'Foo', api: 'Other'});"
    )
    browser.until(lambda: browser.run("return seen.api.length"), "the last answer")
    for number in (1, 2):
        gateway.publish("call_created", data={"n": number})
        gateway.publish("call_ended", data={"n": number})
    browser.until(lambda: browser.run("return seen.b.length == 3"), "the events")
    seen = browser.run("return seen")
    assert [(one["mt"], one.get("name"), one.get("data")) for one in seen["a"]] == [
        ("SubscribeResult", None, None),
        ("Event", "call_created", {"n": 1}),
        ("Event", "call_created", {"n": 2}),
    ]
    assert [(one["mt"], one.get("name")) for one in seen["b"]] == [
        ("SubscribeResult", None),
        ("Event", "call_created"),
        ("Event", "call_ended"),
    ]
    assert seen["c"][0]["serviceInfo"] == {"apis": {"Events": {}}}
    assert seen["api"][0]["mt"] == "FooResult"
    assert browser.run("return app.events.other") == [{"mt": "KeepAlive"}]
    key = SessionKey.of(browser.run("return app.challenge"), PASSWORD)
    assert key.text == browser.run("return app.key")
    text = "some secret text äöü €"
    assert key.decrypt("s", browser.run(f"return app.encrypt('s', '{text}')")) == text
    assert key.hash_matches("s", text, browser.run(f"return app.hash('s', '{text}')"))
    assert browser.complaints() == []


def test_an_app_in_a_browser_with_a_wrong_password_goes_on_trying(browser, gateway):
    begin(browser, gateway, {"app": "demo"}, "wrong")
    browser.until(lambda: browser.run("return app.events.failed >= 2"), "two refusals")
    assert browser.run("return app.events.opened") == 0
    browser.run(f"app.password = {json.dumps(PASSWORD)};")
    browser.until(lambda: browser.run("return app.events.opened"), "the login")


def test_an_app_in_a_browser_is_told_why_it_ended(browser, gateway):
    begin(browser, gateway, {"app": "demo"})
    browser.until(lambda: browser.run("return app.events.opened"), "the login")
    gateway.stop()
    closed = browser.until(lambda: browser.run("return app.events.closed[0]"), "the end")
    assert closed == {"code": 1001, "reason": "", "wasClean": True}
