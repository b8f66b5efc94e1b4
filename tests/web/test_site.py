"""What plain HTTP requests get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from tests.support.http_client import Visitor
from wsevents.web.site import BODY_MAX, IDLE_SECONDS, make_site

SECRET = "a-very-secret-token"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def visitor(clock):
    visitor = Visitor(make_site(reactor=clock))
    yield visitor
    visitor.leave()
    assert clock.getDelayedCalls() == []


def test_the_root_is_a_page(visitor):
    answer = visitor.ask("GET", "/", {"Host": "gateway.example:9502"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_the_page_can_be_asked_for_without_its_body(visitor):
    whole = visitor.ask("GET", "/", {"Host": "x"})
    head = visitor.ask("HEAD", "/", {"Host": "x"})
    assert head.status == 200
    assert head.body == b""
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("path", ["/", "/x"])
def test_nothing_is_guessed_stored_or_passed_on(visitor, path):
    headers = visitor.ask("GET", path, {"Host": "x"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/api/websocketd/", "/favicon.ico", "//", "/?/..", "/index.html", "/publish"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_any_other_path_gets_426(visitor, method, path):
    if path.startswith("/?"):
        path = "/x" + path
    answer = visitor.ask(method, path, {"Host": "x"})
    assert (answer.status, answer.phrase) == (426, "Upgrade Required")
    assert answer.headers["upgrade"] == "websocket"
    assert answer.headers["connection"] == "Upgrade, close"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (b"WebSocket" in answer.body) == (method != "HEAD")
    assert answer.body.count(b"\n") == (method != "HEAD")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "FLY"])
def test_the_page_can_only_be_read(visitor, method):
    answer = visitor.ask(method, "/", {"Host": "x"})
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "FLY"])
@pytest.mark.parametrize("path", ["/", "/x"])
def test_no_request_is_logged_since_it_may_hold_a_token(clock, method, path):
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        visitor = Visitor(make_site(reactor=clock))
        assert visitor.ask(method, f"{path}?token={SECRET}", {"Host": "x", "X-Auth-Token": SECRET})
        visitor.leave()
    finally:
        globalLogPublisher.removeObserver(said.append)
    assert not [event for event in said if SECRET in str(formatEvent(event)) + str(event)]


def test_a_connection_serves_one_request_as_the_next_might_ask_for_a_websocket(visitor):
    answer = visitor.ask("GET", "/", {"Host": "x", "Connection": "keep-alive"})
    assert answer.headers["connection"] == "close"
    assert visitor.reason


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(visitor):
    answer = visitor.ask("POST", "/publish", {"Host": "x", "Content-Length": BODY_MAX + 1})
    assert answer.status == 413
    assert visitor.reason


def test_a_body_that_turns_out_too_large_is_refused(visitor):
    assert visitor.ask("POST", "/publish", {"Host": "x", "Transfer-Encoding": "chunked"}) is None
    for _ in range(BODY_MAX // 4096):
        visitor.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    assert visitor.answer() is None
    visitor.send(b"1\r\nx\r\n")
    assert visitor.answer().status == 413
    assert visitor.reason
    visitor.send(b"1\r\nx\r\n0\r\n\r\n")
    assert visitor.answer() is None


def test_the_largest_body_is_read(visitor):
    assert visitor.ask("POST", "/x", {"Host": "x"}, b"x" * BODY_MAX).status == 426


def test_a_silent_connection_is_closed(clock):
    visitor = Visitor(make_site(reactor=clock))
    clock.advance(IDLE_SECONDS + 1)
    assert visitor.reason
    visitor.leave()
    assert clock.getDelayedCalls() == []


def test_only_http_1_is_offered(clock):
    assert make_site(reactor=clock).acceptableProtocols() == [b"http/1.1"]


def test_the_site_keeps_no_clock_for_a_log_that_is_not_written(clock):
    site = make_site(reactor=clock)
    site.doStart()
    assert clock.getDelayedCalls() == []
    site.doStop()


@given(st.binary(max_size=400))
def test_any_input_is_answered_as_http_or_waited_for(junk):
    clock = Clock()
    visitor = Visitor(make_site(reactor=clock))
    visitor.send(b"POST / HTTP/1.1\r\n" + junk)
    answer = visitor.answer()
    assert answer is None or 400 <= answer.status < 600, "nothing but GET and HEAD has this path"
    assert answer or not visitor.reason
    visitor.leave()
    assert clock.getDelayedCalls() == []
