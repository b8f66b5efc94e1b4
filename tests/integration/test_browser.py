"""The page, and one in the manner of the first documentation, in a real browser over real TLS."""

import json
import threading
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys
from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.sync.server import serve

from tests.support.browser import browser
from tests.support.gateway_process import GatewayProcess, embedded_default, gateway, own_gateway, standalone
from wsevents.api import close_reasons
from wsevents.config.plugins import read_file
from wsevents.dialects.wazo import WazoDialect
from wsevents.web.page import load

__all__ = ["browser", "embedded_default", "gateway", "own_gateway"]

PAGE_FROM_DISK = Path(__file__).with_name("page_from_disk.html")


def address(gateway):
    return f"https://localhost:{gateway.port}/"


def connect(browser, gateway, token="s3cret-user", version="2"):
    browser.open(f"{address(gateway)}#token={token}")
    browser.find(f"#protocol option[value='wazo{version}']").click()
    browser.click("#connect")


def start(browser):
    browser.click("#start")
    browser.shows("#status", "Receiving")


def names(browser):
    """The names in the table, newest first."""
    return browser.run(
        "return [...document.querySelectorAll('.event .name')].map((name) => name.textContent)"
    )


def explained(browser, reason):
    """Wait until the page says that the session ended, for this reason."""
    browser.until(lambda: browser.find("#closed").is_displayed(), "the explanation")
    text = browser.text("#closed")
    assert reason.meaning in text
    assert reason.advice.value in text.lower()
    if reason.code is not None:
        assert str(reason.code) in text
    return text


def test_the_demo_is_seen_live(browser, embedded_default):
    browser.open(address(embedded_default) + "#token=demo")
    assert browser.value("#token") == "demo"
    assert browser.driver.current_url == address(embedded_default)  # the token is not left lying around
    browser.click("#connect")
    start(browser)
    browser.until(lambda: len(browser.find_all("tr.event")) >= 10, "ten events")
    assert int(browser.text("#total")) >= 10
    browser.until(lambda: float(browser.text("#rate")) > 0, "a rate")
    browser.find(".event .toggle").send_keys(Keys.ENTER)
    body = json.loads(browser.find("tr.detail pre").get_property("textContent"))
    assert body["name"] in names(browser)
    assert body["tenant_uuid"] == "00000000-0000-4000-8000-000000000001"
    assert browser.find("#pause").get_attribute("aria-pressed") == "true"
    browser.shows("#pause", "new)")  # it goes on while one reads
    browser.click("#pause")
    browser.type("#filter", "agent_")
    browser.until(
        lambda: browser.run(
            "return [...document.querySelectorAll('.event:not([hidden])')]"
            ".every((row) => row.textContent.includes('agent_'))"
        ),
        "only agents",
    )
    browser.click("#connect")
    browser.shows("#status", "Not connected")
    assert not browser.find("#closed").is_displayed()
    assert browser.complaints() == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_event_that_is_published_by_hand_arrives_and_is_text_whatever_it_holds(browser, gateway, version):
    connect(browser, gateway, version=version)
    start(browser)
    browser.click("#publish summary")
    browser.type("#publish-name", "<b>bold</b>")
    data = (
        '{"x": "<img src=/nowhere onerror=alert(1)>", "n": 12345678901234567890, "of": [], "y": {"z": null}}'
    )
    browser.type("#publish-data", data)
    browser.click("#publish-send")
    browser.shows("#publish-answer", "Published")
    browser.until(lambda: names(browser) == ["<b>bold</b>"], "the event")
    assert "<img" in browser.text("td.summary")
    browser.click("tr.event")
    shown = browser.find("tr.detail pre").get_property("textContent")
    published = browser.find("#publish-answer pre").get_property("textContent")
    assert shown == published
    assert json.loads(shown)["data"] == json.loads(data)
    assert browser.find_all("img, td b") == []
    browser.click("tr.event")
    assert browser.find_all("tr.detail") == []
    assert browser.complaints() == []


def test_what_cannot_be_published_is_said(browser, gateway):
    browser.open(address(gateway) + "#token=wrong")
    browser.click("#publish summary")
    browser.click("#publish-send")
    browser.shows("#publish-answer", "401")
    browser.type("#token", "s3cret-user")
    browser.type("#publish-data", "[]")
    browser.click("#publish-send")
    browser.shows("#publish-answer", "data must be an object")
    browser.type("#publish-data", "{")
    browser.click("#publish-send")
    browser.shows("#publish-answer", "not JSON")


@pytest.mark.parametrize("version", ["1", "2"])
def test_event_names_can_be_chosen_and_dropped_at_any_time(browser, gateway, version):
    connect(browser, gateway, version=version)
    browser.click("#chips button")  # not everything
    browser.type("#name", "first" + Keys.ENTER)
    browser.until(lambda: browser.find_all("#chips .live"), "the first subscription")
    start(browser)
    browser.type("#name", "second" + Keys.ENTER)
    browser.until(lambda: len(browser.find_all("#chips .live")) == 2, "the second subscription")
    # What was sent before an answer is in force when it comes; version 1 has none after the start.
    deliver(browser, gateway, "second", ["second"])
    gateway.publish("other")
    deliver(browser, gateway, "first", ["first", "second"])
    browser.find("#chips li:first-child button").click()
    assert browser.text("#chips span") == "second"
    browser.until(lambda: len(browser.find_all("#chips li")) == 1, "one name less")
    publish_until_gone(browser, gateway, "first")
    assert "other" not in names(browser)


def deliver(browser, gateway, name, expected):
    """Publish, again and again until the subscription is in force, and see it arrive."""

    def arrived():
        gateway.publish(name)
        return list(dict.fromkeys(names(browser))) == expected

    browser.until(arrived, f"{expected}")


def publish_until_gone(browser, gateway, name):
    """Publish until events of this name have ceased to come: one of another name comes alone."""

    def ceased():
        browser.click("#clear")
        gateway.publish(name)
        gateway.publish("second")
        browser.until(lambda: "second" in names(browser), "the other event")
        return name not in names(browser)

    browser.until(ceased, f"the end of {name}")


def test_a_token_that_expires_is_explained(browser, tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path, seconds=1)) as gateway:
        connect(browser, gateway.ready(), "s3cret-brief")
        text = explained(browser, close_reasons.AUTH_EXPIRED)
        assert "authentication expired" in text
        assert browser.run("return document.activeElement.id") == "token"
        browser.type("#token", "wrong")
        browser.click("#reconnect")
        browser.shows("#closed-title", "4002")
        explained(browser, close_reasons.AUTH_FAILED)
        browser.type("#token", "s3cret-user")
        browser.click("#reconnect")
        browser.shows("#status", "Connected")
        assert not browser.find("#closed").is_displayed()


def test_a_missing_token_is_explained(browser, gateway):
    browser.open(address(gateway))
    browser.click("#connect")
    explained(browser, close_reasons.NO_TOKEN)


class Closer:
    """A gateway that serves the page and closes each WebSocket with the code and reason in its token."""

    def __init__(self):
        page = load(publish=False, scripts=[read_file(WazoDialect.page)]).html
        self._server = serve(self._close, "127.0.0.1", 0, process_request=partial(self._answer, page))
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def _answer(self, page, connection, request):
        """Return the page for a plain request, None for an upgrade."""
        if "Upgrade" in request.headers:
            return None
        return Response(200, "OK", Headers({"Content-Type": "text/html", "Content-Length": len(page)}), page)

    def _close(self, socket):
        code, reason = parse_qs(urlsplit(socket.request.path).query)["token"][0].split(" ", 1)
        socket.close(int(code), reason)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()


def test_a_known_code_with_an_unknown_reason_gets_no_meaning_of_another_reason(browser):
    known = [one for one in vars(close_reasons).values() if isinstance(one, close_reasons.CloseReason)]
    codes = sorted({one.code for one in known} - {None})
    assert {1008, 4001, 4002, 4004} <= set(codes)
    with Closer() as closer:
        browser.open(closer.url)
        for code in codes:
            browser.type("#token", f"{code} another reason")
            browser.click("#connect")
            browser.shows("#closed-title", str(code))
            text = browser.text("#closed")
            assert "for a reason that this page does not know" in text
            assert "Connect again." in text
            assert [one.meaning for one in known if one.meaning in text] == []
        browser.type("#token", "4002 authentication failed")
        browser.click("#connect")
        browser.until(
            lambda: close_reasons.AUTH_FAILED.meaning in browser.text("#closed"), "the known reason"
        )


def test_a_gateway_that_stops_and_one_that_is_not_there_are_explained(browser, own_gateway):
    connect(browser, own_gateway)
    start(browser)
    own_gateway.stop()
    explained(browser, close_reasons.GOING_AWAY)
    browser.click("#reconnect")
    browser.shows("#closed-title", "1006")
    text = browser.text("#closed")
    assert "accepted the gateway" in text
    assert address(own_gateway) in text
    browser.click("#dismiss")
    assert not browser.find("#closed").is_displayed()


def test_the_table_keeps_the_newest_five_hundred(browser, gateway):
    connect(browser, gateway, version="1")
    start(browser)
    # The page's own way in, without the network: five hundred requests would only take time.
    browser.run(
        "const send = WebSocket.prototype.send; window.flood = (socket) => {"
        "for (let n = 1; n < 601; n++) socket.onmessage({data: JSON.stringify({name: 'n' + n, data: {}})}) };"
        "WebSocket.prototype.send = function (text) { send.call(this, text); window.flood(this); };"
    )
    browser.type("#name", "x" + Keys.ENTER)
    browser.until(lambda: len(browser.find_all("tr.event")) == 500, "five hundred rows")
    assert names(browser)[0] == "n600"
    assert names(browser)[-1] == "n101"
    assert browser.run("return document.getElementById('total').textContent.replace(/\\D/g, '')") == "600"


def test_a_simple_page_from_disk_works_as_it_is(browser, tmp_path):
    browser.open(PAGE_FROM_DISK.as_uri())
    with GatewayProcess(tmp_path, standalone(tmp_path, seconds=1)) as gateway:
        gateway.ready()
        browser.type("#host", f"localhost:{gateway.port}")
        browser.type("#token", "s3cret-user")
        browser.click("#go")
        browser.until(lambda: browser.run("return started"), "the start")
        replies = browser.run("return notes.replies")
        assert [reply["op"] for reply in replies] == ["init", "subscribe", "subscribe", "start"]
        assert all((reply["code"], reply["msg"]) == (0, "") for reply in replies)
        gateway.publish("not subscribed to")
        body = gateway.publish("endpoint_status_update", data={"endpoint_id": 67, "status": 0})
        browser.until(lambda: browser.run("return notes.messages.length"), "the event")
        assert browser.run("return notes.messages") == [body]
        browser.open(PAGE_FROM_DISK.as_uri())
        browser.type("#host", f"localhost:{gateway.port}")
        browser.type("#token", "s3cret-brief")
        browser.click("#go")
        closed = browser.until(lambda: browser.run("return notes.closed"), "the end")
        assert closed == {"code": 4003, "reason": "authentication expired", "clean": True}
