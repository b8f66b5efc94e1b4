"""The page: one document that fetches nothing, and says what close_reasons.py says."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.api import close_reasons
from wsevents.config.plugins import Plugins, read_file
from wsevents.web.page import closings, load

SCRIPTS = [read_file(dialect.page) for dialect in Plugins().dialects().values()]
PAGE = load(publish=True, scripts=SCRIPTS)
HTML = PAGE.html.decode()


class Reader(HTMLParser):
    """Collects elements, the texts of scripts and styles, and every attribute."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.attributes, self.ids, self._inside = [], [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *attr) for attr in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self._inside = (tag, dict(attrs)) if tag in {"script", "style"} else None

    def handle_data(self, data):
        if self._inside:
            self.texts.append((*self._inside, data))
            self._inside = None


READ = Reader(HTML)


def element(tag, **attributes):
    return next(text for name, found, text in READ.texts if name == tag and attributes == found)


def digest(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_it_fetches_nothing():
    for tag, name, value in READ.attributes:
        assert name != "src", tag
        assert name != "href" or value.startswith(("#", "data:")), value
    assert "@import" not in HTML
    assert "url(" not in element("style")


def test_no_marker_is_left():
    assert not re.search(r"\{\{\w+\}\}", HTML)


def test_its_policy_allows_its_own_script_and_style_and_no_other():
    policy = dict(part.split(" ", 1) for part in PAGE.policy("gateway:9502", secure=True).split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == digest(element("script"))
    assert policy["style-src"] == digest(element("style"))
    assert policy["connect-src"] == "'self' wss://gateway:9502"
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}


def test_nothing_in_it_needs_more_than_the_policy_allows():
    assert not [name for _, name, _ in READ.attributes if name == "style" or name.startswith("on")]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", element("script"))


def test_it_remembers_nothing():
    assert not re.search(r"localStorage|sessionStorage|indexedDB|cookie|location\.search", element("script"))


@pytest.mark.parametrize("host", ["gateway", "gateway.example:9502", "127.0.0.1:9502", "[::1]:9502"])
def test_it_may_connect_to_the_host_it_came_from(host):
    assert f" wss://{host};" in PAGE.policy(host, secure=True)
    assert f" wss://{host} ws://{host};" in PAGE.policy(host, secure=False)


@given(st.text())
def test_no_host_smuggles_anything_into_the_policy(host):
    policy = PAGE.policy(host, secure=True)
    assert policy.count(";") == PAGE.policy(None, secure=True).count(";")
    assert re.fullmatch(
        r"'self'( wss://[\w.:\[\]-]+)?", re.search(r"connect-src ([^;]*)", policy)[1], re.ASCII
    )


@pytest.mark.parametrize("host", [None, "", "a b", "a;b", "a,b", "x" * 300, "a/b", "*", "a:b"])
def test_a_strange_host_is_left_out(host):
    assert "connect-src 'self';" in PAGE.policy(host, secure=True)


def test_it_knows_every_closing_that_a_browser_can_see():
    told = {(each["code"], each["reason"]): each for each in json.loads(closings())}
    for value in vars(close_reasons).values():
        if isinstance(value, close_reasons.CloseReason) and value.code is not None:
            each = told[value.code, value.reason]
            assert (each["meaning"], each["advice"]) == (value.meaning, value.advice.value)
    assert told[1006, ""]["meaning"] == close_reasons.LOST.meaning
    assert {4001, 4002, 4003, 4004, 1001, 1006, 1009, 1011, 1013} <= {code for code, _ in told}


def test_the_closings_are_in_the_page_and_cannot_end_their_element():
    assert json.loads(element("script", type="application/json", id="closings")) == json.loads(closings())
    assert "<" not in closings()


@pytest.mark.parametrize(("publish", "word"), [(True, "yes"), (False, "no")])
def test_it_learns_whether_it_may_publish(publish, word):
    assert f'<meta name="wsevents-publish" content="{word}">' in load(publish=publish).html.decode()


def test_it_has_the_scripts_that_it_is_given_after_what_describes_them_and_no_other():
    script = element("script")
    assert len(SCRIPTS) >= 4
    places = [
        script.index(each) for each in ["const protocols = {}", *SCRIPTS, "const Frames", "offerProtocols"]
    ]
    assert places == sorted(places)
    html = load(publish=False, scripts=["protocols.other = {};"]).html.decode()
    assert "protocols.other = {};" in html
    assert [each for each in SCRIPTS if each in html] == []


def test_every_id_is_there_once_and_every_id_that_is_used_is_there():
    assert len(READ.ids) == len(set(READ.ids))
    used = set(re.findall(r'\$\("([\w-]+)"\)', element("script")))
    pointed = {value for _, name, value in READ.attributes if name in {"for", "list", "aria-labelledby"}}
    assert used | pointed <= set(READ.ids)


def test_every_field_has_a_label():
    labelled = {value for tag, name, value in READ.attributes if tag == "label" and name == "for"}
    fields = {
        value
        for tag, name, value in READ.attributes
        if name == "id" and tag in {"input", "select", "textarea"}
    }
    assert fields == labelled
