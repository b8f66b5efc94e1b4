"""The client of Wazo's protocol, on time and a transport of the test's own, against any bytes at all."""

import base64
import json
import struct
from hashlib import sha1
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from twisted.internet.defer import fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.support.bus_observer import Logbook
from tests.support.client_transport import ConnectionPolicy
from wsevents.api import close_reasons
from wsevents.api.close_reasons import Advice, CloseReason
from wsevents.client import Backoff, WazoClient
from wsevents.client.wazo import explain
from wsevents.core.websocket_frames import text_frames

CLOSINGS = [
    one
    for one in vars(close_reasons).values()
    if isinstance(one, CloseReason) and one.code not in {None, 1000}
]


class Line:
    """A client on a transport of the test's own, and the far end by hand."""

    def __init__(self, token="s3cret", **options):
        self.clock, self.transport = Clock(), None
        self.seen, self.endings, self.opened, self.refusals = [], [], 0, 0
        options = {"backoff": Backoff(Random(1), 1000, 1000)} | options
        self.client = WazoClient(
            "ws://localhost/?version=1&x=1", token, reactor=self.clock, endpoint=self, **options
        )
        self.client.on_open(self._open)
        self.client.on_event(lambda _, event: self.seen.append(event))
        self.client.on_close(lambda _, ending, seconds: self.endings.append((ending, seconds)))
        self.client.start()

    def _open(self, client):
        assert client is self.client
        self.opened += 1

    def connect(self, factory):
        if self.refusals:
            self.refusals -= 1
            return fail(Refused())
        self.transport = ConnectionPolicy()
        protocol = factory.buildProtocol(None)
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        return succeed(protocol)

    def upgrade(self):
        """Answer the handshake (RFC 6455 section 4.2.2)."""
        self.clock.advance(0)
        self.request = self.transport.value().decode()
        key = self.request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        accept = base64.b64encode(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.transport.clear()
        self.give(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        return self

    def begin(self):
        self.upgrade()
        for operation in ("init", "subscribe", "start"):
            self.say({"op": operation, "code": 0, "msg": "", "data": None})
        return self

    def give(self, data):
        if self.transport.connected:
            self.transport.protocol.dataReceived(data)

    def say(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.give(text_frames(text.encode()))

    def hang_up(self, code, reason=""):
        payload = struct.pack("!H", code) + reason.encode()
        self.give(bytes([0x88, len(payload)]) + payload)
        if self.transport.connected:
            self.transport.loseConnection()

    def said(self):
        """Return the text messages that the client has sent, and forget them."""
        data, messages = self.transport.value(), []
        self.transport.clear()
        while data:
            size, data, kind = data[1] & 127, data[2:], data[0] & 15
            if size == 126:
                (size,), data = struct.unpack("!H", data[:2]), data[2:]
            mask, masked, data = data[:4], data[4 : 4 + size], data[4 + size :]
            text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
            messages.append(json.loads(text) if kind == 1 else (kind, text))
        return messages

    def close(self):
        closed = self.client.close()
        self.clock.advance(5)
        assert closed.called
        assert self.clock.getDelayedCalls() == []


def test_it_shows_the_token_in_a_header_and_says_what_it_wants():
    line = Line(events=["a", "b"]).upgrade()
    assert line.request.startswith("GET /?x=1&version=2 HTTP/1.1\r\n")
    assert "X-Auth-Token: s3cret\r\n" in line.request
    assert "s3cret" not in line.request.splitlines()[0]
    assert line.said() == [
        {"op": "subscribe", "data": {"event_name": "a"}},
        {"op": "subscribe", "data": {"event_name": "b"}},
        {"op": "start"},
    ]
    line.close()


def test_events_come_once_it_has_begun():
    line = Line().begin()
    assert line.opened == 1
    line.say({"op": "event", "code": 0, "data": {"name": "one"}})
    for nonsense in ("no json", [], {"op": "event", "data": 1}, {"op": "pong"}, {"op": "start"}):
        line.say(nonsense)
    assert line.seen == [{"name": "one"}]
    assert line.opened == 1
    line.close()


@pytest.mark.parametrize("how_far", ["tcp", "upgrade"])
def test_an_end_that_does_not_go_on_is_given_up(how_far):
    line = Line(opening_seconds=20)
    if how_far == "tcp":
        line.clock.advance(0)
    else:
        line.upgrade()
    line.clock.advance(20)
    line.clock.advance(5)
    ((ending, seconds),) = line.endings
    assert ending.why == "the other end did not answer in time"
    assert seconds is not None
    line.close()


def test_an_end_that_says_nothing_for_long_is_given_up_and_one_that_answers_is_not():
    line = Line(keep_alive=60).begin()
    for _ in range(5):
        line.clock.advance(60)
        assert (9, b"wsevents") in line.said()
        line.give(b"\x8a\x00")
    assert line.endings == []
    line.clock.advance(60)
    line.clock.advance(60)
    assert [ending.why for ending, _ in line.endings] == ["nothing was heard of the other end for long"]
    line.close()


def test_pings_are_answered():
    line = Line().begin()
    line.said()
    line.give(b"\x89\x02hi")
    assert line.said() == [(10, b"hi")]
    line.close()


@pytest.mark.parametrize("one", CLOSINGS, ids=lambda one: f"{one.code} {one.reason}")
def test_every_close_code_of_the_gateway_is_told_in_its_words(one):
    said, advice = explain(one.code, one.reason)
    assert said.startswith(f"closed with {one.code}")
    assert one.meaning in said
    assert one.advice.value in said
    assert advice is one.advice


def test_a_code_that_the_gateway_does_not_have_is_told_as_it_is():
    assert explain(4999, "why") == ("closed with 4999 why", Advice.RETRY)
    assert explain(1000, "") == ("the other end closed the connection", Advice.RETRY)


KNOWN = {(one.code, one.reason) for one in CLOSINGS}


@given(st.sampled_from(sorted({code for code, _ in KNOWN})), st.text(max_size=30))
@example(1008, "")
@example(1008, "login failed")
@example(4004, "another reason")
def test_a_known_code_with_an_unknown_reason_is_told_as_it_is_and_tried_again(code, reason):
    assume((code, reason) not in KNOWN)
    said = f"closed with {code} {reason}" if reason else f"closed with {code}"
    assert explain(code, reason) == (said, Advice.RETRY)


@pytest.mark.parametrize(
    ("code", "reason", "comes_back"),
    [
        (4001, "no token", False),
        (4001, "another", True),
        (4004, "", False),
        (4004, "another", True),
        (1008, "ended by an administrator", False),
        (1008, "another", True),
        (1001, "", True),
        (1011, "", True),
        (1013, "too slow", True),
    ],
)
def test_it_comes_back_except_after_a_closing_that_is_known_to_be_final(code, reason, comes_back):
    line = Line().begin()
    line.hang_up(code, reason)
    ((ending, seconds),) = line.endings
    assert (ending.code, ending.opened) == (code, True)
    assert (seconds is not None) is comes_back
    assert line.client.over.called is not comes_back
    if comes_back:
        line.clock.advance(1000)
        line.begin()
        assert line.opened == 2
    line.close()


REFUSED = (4002, "authentication failed")
EXPIRED = (4003, "authentication expired")
both_codes = pytest.mark.parametrize("closing", [REFUSED, EXPIRED], ids=["4002", "4003"])


def pauses(line):
    return [seconds for _, seconds in line.endings]


def token_of(line):
    """Return the token that the last request showed."""
    return line.request.split("X-Auth-Token: ")[1].split("\r\n")[0]


@both_codes
def test_after_a_refused_token_it_connects_at_once_with_another_one(closing):
    tokens = ["one"]
    line = Line(token=lambda: tokens[-1]).begin()
    tokens.append("two")
    line.hang_up(*closing)
    assert pauses(line) == [0.0]
    line.begin()
    assert (token_of(line), line.opened) == ("two", 2)
    line.close()


@both_codes
@pytest.mark.parametrize(
    "token", ["one", lambda: "one"], ids=["no function", "a function with the same token"]
)
def test_after_a_refused_token_without_another_it_retries_with_growing_pauses(closing, token):
    line = Line(token=token, backoff=Backoff(Highest(), 1, 8))
    for _ in range(5):
        line.upgrade()
        line.hang_up(*closing)
        line.clock.advance(pauses(line)[-1])
    assert pauses(line) == [1, 2, 4, 8, 8]
    line.begin()
    assert line.opened == 1
    line.hang_up(1001)
    assert pauses(line)[-1] == 1
    line.close()


class Highest(Random):
    """Gives the end of each span."""

    def random(self):
        return 1.0


@both_codes
@pytest.mark.parametrize("begins", [False, True], ids=["before events begin", "after events began"])
def test_a_server_that_refuses_every_new_token_meets_pauses(closing, begins):
    given = iter(range(1000))
    line = Line(token=lambda: f"token {next(given)}", backoff=Backoff(Highest(), 1, 8))
    used, at_once = [], []
    while line.clock.seconds() < 60:
        (line.begin if begins else line.upgrade)()
        used.append(token_of(line))
        line.hang_up(*closing)
        if pauses(line)[-1] == 0:
            at_once.append(line.clock.seconds())
        line.clock.advance(pauses(line)[-1])
    assert at_once[0] == 0
    assert min(second - first for first, second in pairwise(at_once)) >= 8
    assert {seconds for seconds in pauses(line) if seconds} == ({1} if begins else {1, 2, 4, 8})
    assert len(set(used)) == len(used)
    line.close()


def test_another_token_that_comes_during_the_pauses_is_used():
    tokens = ["one"]
    line = Line(token=lambda: tokens[-1])
    line.upgrade()
    line.hang_up(*REFUSED)
    tokens.append("two")
    line.clock.advance(pauses(line)[-1])
    line.upgrade()
    assert token_of(line) == "two"
    tokens.append("three")
    line.hang_up(*REFUSED)
    assert pauses(line)[-1] == 0
    line.upgrade()
    assert token_of(line) == "three"
    line.close()


def test_a_renewed_token_that_is_refused_is_no_other_token():
    line = Line(token="one").begin()
    line.client.replace_token("two")
    line.hang_up(*REFUSED)
    assert pauses(line)[-1] > 0
    line.clock.advance(1000)
    line.upgrade()
    assert token_of(line) == "two"
    line.close()


def test_a_function_that_gives_no_token_leaves_the_last_one():
    tokens = ["one"]
    line = Line(token=lambda: tokens[-1]).begin()
    tokens.append("")
    line.hang_up(*EXPIRED)
    assert pauses(line)[-1] > 0
    line.clock.advance(1000)
    line.upgrade()
    assert token_of(line) == "one"
    line.close()


def test_a_token_function_that_raises_is_logged_and_called_again_after_a_pause(errors):
    def token():
        if broken:
            raise broken.pop()
        return "one"

    broken = [LookupError("s3cret")]
    line = Line(token=token)
    line.clock.advance(0)
    ((ending, seconds),) = line.endings
    assert ending.why == "not connected: there is no token, as the token function failed"
    assert len(errors.flush(LookupError)) == 1
    line.clock.advance(seconds)
    line.begin()
    broken.append(LookupError("s3cret"))
    line.hang_up(*REFUSED)
    assert len(errors.flush(LookupError)) == 1
    line.clock.advance(pauses(line)[-1])
    line.begin()
    assert line.opened == 2
    line.close()


def test_a_client_that_is_closed_when_a_connection_ends_waits_for_nothing():
    line = Line().begin()
    line.client.on_close(lambda client, *_: client.close())
    line.hang_up(1001)
    assert line.client.over.called
    assert line.clock.getDelayedCalls() == []


def test_a_token_can_be_renewed_in_time():
    line = Line().begin()
    line.said()
    line.client.replace_token("another")
    assert line.said() == [{"op": "token", "data": {"token": "another"}}]
    line.hang_up(1001)
    line.clock.advance(1000)
    line.upgrade()
    assert "X-Auth-Token: another\r\n" in line.request
    line.close()


def test_a_refused_connection_is_tried_again():
    line = Line()
    line.refusals = 1
    line.clock.advance(0)
    ((ending, _),) = line.endings
    assert ending.why.startswith("nothing listens at localhost:80")
    line.clock.advance(1000)
    line.begin()
    assert line.opened == 1
    line.close()


def test_it_can_be_closed_before_it_was_started_and_between_two_attempts():
    client = WazoClient("ws://localhost/", "t", reactor=Clock(), endpoint=object())
    assert client.close().called
    line = Line()
    line.refusals = 1
    line.clock.advance(0)
    line.close()
    assert line.transport is None


@pytest.mark.parametrize("url", ["", "http://localhost/", "ws://localhost:0/", "nonsense"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        WazoClient(url, "t", reactor=Clock())


def test_a_callback_that_fails_is_blamed_and_changes_nothing(errors):
    line = Line().begin()
    line.client.on_event(lambda _, event: event["missing"])
    line.say({"op": "event", "data": {"name": "one"}})
    assert len(errors.flush(KeyError)) == 1
    assert line.endings == []
    line.close()


OK = b"HTTP/1.1 101 Switching Protocols\r\n"


@given(st.binary(max_size=60), st.sampled_from([b"", OK, b"HTTP/1.1 503", OK + b"Upgrade: websocket\r\n"]))
def test_whatever_answers_the_handshake_the_client_ends_well(answer, start):
    line = Line()
    line.clock.advance(0)
    line.give(start + answer + b"\r\n\r\n")
    line.close()
    assert len(line.endings) == 1


messages = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["init", "start", "event", "pong", "subscribe", 5]),
        "data": st.none() | st.integers() | st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    },
)


@given(st.lists(messages | st.text(max_size=9) | st.binary(max_size=12), max_size=8), st.booleans())
def test_whatever_comes_the_client_ends_well(said, begun):
    book = Logbook()
    globalLogPublisher.addObserver(book)
    try:
        line = Line(keep_alive=60)
        if begun:
            line.begin()
        else:
            line.upgrade()
        for message in said:
            if isinstance(message, bytes):
                line.give(message)
            else:
                line.say(message)
        line.close()
    finally:
        globalLogPublisher.removeObserver(book)
    assert "s3cret" not in "".join(book.lines)
    assert len(line.endings) == 1
