"""The page speaks every protocol of the embedded default, and shows the frames of each."""

import json
import re

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.browser import browser
from tests.support.gateway_process import embedded_default, gateway

__all__ = ["browser", "embedded_default", "gateway"]

TENANT = "00000000-0000-4000-8000-000000000001"
APP = {"app": "demo", "password": "demo"}
MANAGER = {"user": "manager", "password": "manag3rpa55word"}
KEY = {"token": "demo", "customer": TENANT}
JWT = {"token": None}
"""What the gateway printed."""
WAZO = {"token": "demo"}
SENT = {
    "wazo2": {"op": "subscribe", "data": {"event_name": "*"}},
    "wazo1": {"op": "subscribe", "data": {"event_name": "*"}},
    "voipbin": {"type": "subscribe", "topics": [f"customer_id:{TENANT}:*"]},
    "isymphony": {"type": "filter", "correlationId": 1, "filters": []},
    "innovaphone": {"mt": "Subscribe", "api": "Events", "src": "page", "events": "*"},
}
"""What the page sends so that everything comes."""


def choose(browser, gateway, protocol, fields):
    """Open the page and fill in its form."""
    browser.open(f"https://localhost:{gateway.port}/")
    browser.find(f"#protocol option[value='{protocol}']").click()
    for name, value in fields.items():
        browser.type(f"#{name}", value or gateway.wait_for(r"JWT of an administrator.*: (\S+)")[1])


def connect(browser, gateway, protocol, fields):
    """Connect by a protocol, and see that events come."""
    choose(browser, gateway, protocol, fields)
    browser.click("#connect")
    if protocol.startswith("wazo"):
        browser.click("#start")
    browser.shows("#status", "Receiving")
    browser.until(lambda: browser.find_all("tr.event"), "an event")


def frames(browser, kind):
    """The texts of the frames that went out or came in, newest first."""
    return browser.run(
        f"return [...document.querySelectorAll('#frames .{kind} code')].map((one) => one.textContent)"
    )


def names(browser):
    return browser.run(
        "return [...document.querySelectorAll('.event .name')].map((name) => name.textContent)"
    )


def written(browser):
    """Everything that the page shows, except the values of its fields."""
    return browser.run("return document.body.textContent + location.href")


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        ("wazo2", WAZO),
        ("wazo1", WAZO),
        ("voipbin", KEY),
        ("voipbin", JWT),
        ("isymphony", MANAGER),
        ("innovaphone", APP),
    ],
    ids=["wazo2", "wazo1", "voipbin-key", "voipbin-jwt", "isymphony", "innovaphone"],
)
def test_each_protocol_connects_and_shows_events_and_frames(browser, embedded_default, protocol, fields):
    connect(browser, embedded_default, protocol, fields)
    assert browser.text("#chips .live span") == "*"
    browser.click("#pause")
    out, came = frames(browser, "out"), frames(browser, "in")
    assert SENT[protocol] in [json.loads(text) for text in out]
    assert came
    assert browser.text("#frames .out .arrow") == "→"
    assert browser.text("#frames .in .arrow") == "←"
    browser.click("#frames .in .arrow")
    assert browser.find("#frames .in").get_attribute("class") == "in open"
    browser.click(".event .toggle")
    event = json.loads(browser.find("tr.detail pre").get_property("textContent"))
    assert any(event in (told := json.loads(text), told.get("data")) for text in came)
    assert browser.text("td.summary")
    assert names(browser)[0] != "(no name)"
    browser.click("#connect")
    browser.shows("#status", "Not connected")
    assert browser.complaints() == []


def test_a_choice_is_each_protocols_own_and_can_be_changed(browser, embedded_default):
    connect(browser, embedded_default, "voipbin", KEY)
    browser.type("#name", "call" + Keys.ENTER)
    topic = f"customer_id:{TENANT}:call:*"
    wanted = {"type": "subscribe", "topics": [topic]}
    browser.until(lambda: json.loads(frames(browser, "out")[0]) == wanted, "the topic")
    browser.click("#chips button")
    browser.until(lambda: "unsubscribe" in frames(browser, "out")[0], "the end of the other")
    browser.click("#connect")
    connect(browser, embedded_default, "isymphony", MANAGER)
    assert [chip.text for chip in browser.find_all("#chips span")] == ["*"]
    browser.click("#chips button")
    browser.type("#name", "type=dial" + Keys.ENTER)
    browser.until(lambda: browser.find_all("#chips .live"), "the filter")
    browser.click("#clear")
    browser.until(lambda: len(browser.find_all("tr.event")) >= 2, "two events")
    assert set(names(browser)) == {"dial"}
    browser.click("#connect")
    connect(browser, embedded_default, "innovaphone", APP)
    browser.click("#chips button")
    browser.type("#name", "call_created" + Keys.ENTER)
    browser.until(lambda: browser.find_all("#chips .live"), "the subscription")
    browser.click("#clear")
    browser.until(lambda: len(browser.find_all("tr.event")) >= 2, "two events")
    assert set(names(browser)) == {"call_created"}


def test_no_credential_is_shown(browser, embedded_default):
    connect(browser, embedded_default, "voipbin", JWT)
    token = browser.value("#token")
    assert token not in written(browser)
    assert "/v1.0/ws?token=••••" in written(browser)
    browser.click("#connect")
    connect(browser, embedded_default, "isymphony", MANAGER)
    assert MANAGER["password"] not in written(browser)
    browser.click("#connect")
    connect(browser, embedded_default, "innovaphone", APP)
    (login,) = [json.loads(text) for text in frames(browser, "out") if "AppLogin" in text]
    assert login == {"mt": "AppLogin", "app": "demo", "digest": "••••"}


@pytest.mark.parametrize(
    ("protocol", "fields", "text"),
    [
        ("voipbin", {"token": "wrong", "customer": TENANT}, "token is invalid"),
        ("isymphony", MANAGER | {"password": "wrong"}, "user or the password is wrong, or your address"),
        ("isymphony", MANAGER | {"password": "wrong"}, "does not send user and password"),
        ("innovaphone", APP | {"password": "wrong"}, "its password is wrong"),
    ],
)
def test_who_is_not_let_in_is_told_what_it_can_be(browser, embedded_default, protocol, fields, text):
    choose(browser, embedded_default, protocol, fields)
    browser.click("#connect")
    browser.shows("#closed", text)
    browser.shows("#status", "Disconnected")


def test_a_topic_that_is_not_allowed_is_explained(browser, embedded_default):
    connect(browser, embedded_default, "voipbin", JWT)
    browser.type("#name", "queue_id:x" + Keys.ENTER)
    browser.shows("#closed", "you may not subscribe to one of the topics")


@pytest.mark.parametrize(
    ("protocol", "fields", "text"),
    [
        ("voipbin", {}, "Enter a JWT or an access key"),
        ("voipbin", {"token": "demo"}, "uuid of the customer"),
        ("isymphony", {"user": "manager"}, "Enter user and password"),
        ("isymphony", {"user": "a:b", "password": "x"}, "colon"),
        ("innovaphone", {"app": "demo"}, "the password of the app"),
        ("isymphony", MANAGER | {"path": "@elsewhere/"}, "begin with a slash"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(browser, embedded_default, protocol, fields, text):
    choose(browser, embedded_default, protocol, fields)
    browser.click("#connect")
    browser.shows("#closed", text)
    browser.shows("#status", "Not connected")
    assert browser.find_all("#frames li") == []


def test_the_form_has_the_fields_of_the_protocol_and_no_others(browser, embedded_default):
    for protocol, fields in (
        ("voipbin", ["token", "customer", "path"]),
        ("isymphony", ["user", "password", "path"]),
        ("innovaphone", ["app", "password", "path"]),
        ("wazo1", ["token"]),
    ):
        choose(browser, embedded_default, protocol, {})
        shown = [field.get_attribute("id") for field in browser.find_all("#connection input:not([hidden])")]
        assert shown == fields
        assert browser.find("#start-panel").is_displayed() == (protocol == "wazo1")
        assert browser.find("#publish").is_displayed() == (protocol == "wazo1")


def test_the_fragment_chooses_a_protocol_and_does_not_stay(browser, embedded_default):
    here = f"https://localhost:{embedded_default.port}/"
    browser.open(f"{here}#protocol=innovaphone&app=demo&password=demo")
    assert browser.driver.current_url == here
    browser.click("#connect")
    browser.shows("#status", "Receiving")


def test_only_what_the_gateway_serves_is_offered(browser, gateway):
    browser.open(f"https://localhost:{gateway.port}/#protocol=voipbin&token=s3cret-user")
    assert browser.value("#protocol") == "wazo2"
    assert browser.value("#token") == "s3cret-user"
    offered = [option.text for option in browser.find_all("#protocol option")]
    assert offered == ["Wazo, version 2", "Wazo, version 1"]


def test_the_newest_five_hundred_frames_are_kept_and_long_ones_cut(browser, embedded_default):
    browser.open(f"https://localhost:{embedded_default.port}/#token=demo")
    # The page's own way in, without the network; see the table's test.
    browser.run(
        "const send = WebSocket.prototype.send; window.flood = (socket) => { for (let n = 1; n < 601; n++)"
        "socket.onmessage({data: JSON.stringify({op: 'n' + n, more: 'x'.repeat(20000)})}) };"
        "WebSocket.prototype.send = function (text) { send.call(this, text); window.flood(this); };"
    )
    browser.click("#connect")
    browser.until(lambda: any("n600" in text for text in frames(browser, "in")), "the last one")
    assert len(browser.find_all("#frames li")) == 500
    assert all(len(text) < 10100 for text in frames(browser, "in"))
    (last,) = [text for text in frames(browser, "in") if "n600" in text]
    assert re.search(r"… \(\d+ more characters\)$", last)
