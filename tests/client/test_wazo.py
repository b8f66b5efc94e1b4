"""The client of Wazo's protocol, with a test clock and transport, against a scripted and a random server."""

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
from tests.support.client_transport import ClientTransport
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


class Session:
    """A client on a test transport, with a server that the test scripts."""

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
        self.transport = ClientTransport()
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
        self.receive(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        return self

    def begin(self):
        self.upgrade()
        for operation in ("init", "subscribe", "start"):
            self.send({"op": operation, "code": 0, "msg": "", "data": None})
        return self

    def receive(self, data):
        if self.transport.connected:
            self.transport.protocol.dataReceived(data)

    def send(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.receive(text_frames(text.encode()))

    def close_by_server(self, code, reason=""):
        payload = struct.pack("!H", code) + reason.encode()
        self.receive(bytes([0x88, len(payload)]) + payload)
        if self.transport.connected:
            self.transport.loseConnection()

    def sent(self):
        """Return the messages that the client has sent since the last call."""
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


def test_it_sends_the_token_in_a_header_and_subscribes():
    session = Session(events=["a", "b"]).upgrade()
    assert session.request.startswith("GET /?x=1&version=2 HTTP/1.1\r\n")
    assert "X-Auth-Token: s3cret\r\n" in session.request
    assert "s3cret" not in session.request.splitlines()[0]
    assert session.sent() == [
        {"op": "subscribe", "data": {"event_name": "a"}},
        {"op": "subscribe", "data": {"event_name": "b"}},
        {"op": "start"},
    ]
    session.close()


def test_the_program_gets_events_after_the_start():
    session = Session().begin()
    assert session.opened == 1
    session.send({"op": "event", "code": 0, "data": {"name": "one"}})
    for nonsense in ("no json", [], {"op": "event", "data": 1}, {"op": "pong"}, {"op": "start"}):
        session.send(nonsense)
    assert session.seen == [{"name": "one"}]
    assert session.opened == 1
    session.close()


@pytest.mark.parametrize("progress", ["tcp", "upgrade"])
def test_a_server_that_does_not_answer_in_time_is_disconnected(progress):
    session = Session(opening_seconds=20)
    if progress == "tcp":
        session.clock.advance(0)
    else:
        session.upgrade()
    session.clock.advance(20)
    session.clock.advance(5)
    ((ending, seconds),) = session.endings
    assert ending.why == "the server did not answer in time"
    assert seconds is not None
    session.close()


def test_a_silent_server_is_disconnected_and_one_that_answers_pings_is_not():
    session = Session(keep_alive=60).begin()
    for _ in range(5):
        session.clock.advance(60)
        assert (9, b"wsevents") in session.sent()
        session.receive(b"\x8a\x00")
    assert session.endings == []
    session.clock.advance(60)
    session.clock.advance(60)
    assert [ending.why for ending, _ in session.endings] == ["the server sent nothing for too long"]
    session.close()


def test_pings_are_answered():
    session = Session().begin()
    session.sent()
    session.receive(b"\x89\x02hi")
    assert session.sent() == [(10, b"hi")]
    session.close()


@pytest.mark.parametrize("one", CLOSINGS, ids=lambda one: f"{one.code} {one.reason}")
def test_every_close_reason_of_the_gateway_is_explained(one):
    text, advice = explain(one.code, one.reason)
    assert text.startswith(f"closed with {one.code}")
    assert one.meaning in text
    assert one.advice.value in text
    assert advice is one.advice


def test_an_unknown_code_gets_a_neutral_text():
    assert explain(4999, "why") == ("closed with 4999 why", Advice.RETRY)
    assert explain(1000, "") == ("the server closed the connection", Advice.RETRY)


KNOWN = {(one.code, one.reason) for one in CLOSINGS}


@given(st.sampled_from(sorted({code for code, _ in KNOWN})), st.text(max_size=30))
@example(1008, "")
@example(1008, "login failed")
@example(4004, "another reason")
def test_a_known_code_with_an_unknown_reason_gets_a_neutral_text_and_a_retry(code, reason):
    assume((code, reason) not in KNOWN)
    text = f"closed with {code} {reason}" if reason else f"closed with {code}"
    assert explain(code, reason) == (text, Advice.RETRY)


@pytest.mark.parametrize(
    ("code", "reason", "reconnects"),
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
def test_it_reconnects_except_after_a_final_closing(code, reason, reconnects):
    session = Session().begin()
    session.close_by_server(code, reason)
    ((ending, seconds),) = session.endings
    assert (ending.code, ending.opened) == (code, True)
    assert (seconds is not None) is reconnects
    assert session.client.finished.called is not reconnects
    if reconnects:
        session.clock.advance(1000)
        session.begin()
        assert session.opened == 2
    session.close()


REFUSED = (4002, "authentication failed")
EXPIRED = (4003, "authentication expired")
both_codes = pytest.mark.parametrize("closing", [REFUSED, EXPIRED], ids=["4002", "4003"])


def delays(session):
    return [seconds for _, seconds in session.endings]


def token_of(session):
    """Return the token of the last request."""
    return session.request.split("X-Auth-Token: ")[1].split("\r\n")[0]


@both_codes
def test_after_a_rejected_token_it_connects_at_once_with_a_new_one(closing):
    tokens = ["one"]
    session = Session(token=lambda: tokens[-1]).begin()
    tokens.append("two")
    session.close_by_server(*closing)
    assert delays(session) == [0.0]
    session.begin()
    assert (token_of(session), session.opened) == ("two", 2)
    session.close()


@both_codes
@pytest.mark.parametrize(
    "token", ["one", lambda: "one"], ids=["no function", "a function with the same token"]
)
def test_after_a_rejected_token_without_a_new_one_it_retries_with_growing_delays(closing, token):
    session = Session(token=token, backoff=Backoff(Highest(), 1, 8))
    for _ in range(5):
        session.upgrade()
        session.close_by_server(*closing)
        session.clock.advance(delays(session)[-1])
    assert delays(session) == [1, 2, 4, 8, 8]
    session.begin()
    assert session.opened == 1
    session.close_by_server(1001)
    assert delays(session)[-1] == 1
    session.close()


class Highest(Random):
    """Always returns the end of the interval."""

    def random(self):
        return 1.0


@both_codes
@pytest.mark.parametrize("begins", [False, True], ids=["before events begin", "after events began"])
def test_the_client_has_delays_if_the_server_rejects_every_new_token(closing, begins):
    given = iter(range(1000))
    session = Session(token=lambda: f"token {next(given)}", backoff=Backoff(Highest(), 1, 8))
    used, at_once = [], []
    while session.clock.seconds() < 60:
        (session.begin if begins else session.upgrade)()
        used.append(token_of(session))
        session.close_by_server(*closing)
        if delays(session)[-1] == 0:
            at_once.append(session.clock.seconds())
        session.clock.advance(delays(session)[-1])
    assert at_once[0] == 0
    assert min(second - first for first, second in pairwise(at_once)) >= 8
    assert {seconds for seconds in delays(session) if seconds} == ({1} if begins else {1, 2, 4, 8})
    assert len(set(used)) == len(used)
    session.close()


def test_a_token_that_is_new_after_a_delay_is_used():
    tokens = ["one"]
    session = Session(token=lambda: tokens[-1])
    session.upgrade()
    session.close_by_server(*REFUSED)
    tokens.append("two")
    session.clock.advance(delays(session)[-1])
    session.upgrade()
    assert token_of(session) == "two"
    tokens.append("three")
    session.close_by_server(*REFUSED)
    assert delays(session)[-1] == 0
    session.upgrade()
    assert token_of(session) == "three"
    session.close()


def test_a_rejected_token_of_replace_token_is_not_a_new_token():
    session = Session(token="one").begin()
    session.client.replace_token("two")
    session.close_by_server(*REFUSED)
    assert delays(session)[-1] > 0
    session.clock.advance(1000)
    session.upgrade()
    assert token_of(session) == "two"
    session.close()


def test_an_empty_token_keeps_the_last_one():
    tokens = ["one"]
    session = Session(token=lambda: tokens[-1]).begin()
    tokens.append("")
    session.close_by_server(*EXPIRED)
    assert delays(session)[-1] > 0
    session.clock.advance(1000)
    session.upgrade()
    assert token_of(session) == "one"
    session.close()


def test_a_failing_token_function_is_logged_and_called_again_after_a_delay(errors):
    def token():
        if broken:
            raise broken.pop()
        return "one"

    broken = [LookupError("s3cret")]
    session = Session(token=token)
    session.clock.advance(0)
    ((ending, seconds),) = session.endings
    assert ending.why == "not connected: the token function failed"
    assert len(errors.flush(LookupError)) == 1
    session.clock.advance(seconds)
    session.begin()
    broken.append(LookupError("s3cret"))
    session.close_by_server(*REFUSED)
    assert len(errors.flush(LookupError)) == 1
    session.clock.advance(delays(session)[-1])
    session.begin()
    assert session.opened == 2
    session.close()


def test_a_client_that_is_closed_in_on_close_leaves_no_timer():
    session = Session().begin()
    session.client.on_close(lambda client, *_: client.close())
    session.close_by_server(1001)
    assert session.client.finished.called
    assert session.clock.getDelayedCalls() == []


def test_a_token_can_be_replaced_on_the_open_connection():
    session = Session().begin()
    session.sent()
    session.client.replace_token("another")
    assert session.sent() == [{"op": "token", "data": {"token": "another"}}]
    session.close_by_server(1001)
    session.clock.advance(1000)
    session.upgrade()
    assert "X-Auth-Token: another\r\n" in session.request
    session.close()


def test_a_refused_connection_is_tried_again():
    session = Session()
    session.refusals = 1
    session.clock.advance(0)
    ((ending, _),) = session.endings
    assert ending.why.startswith("localhost:80 refused the connection")
    session.clock.advance(1000)
    session.begin()
    assert session.opened == 1
    session.close()


def test_it_can_be_closed_before_the_start_and_between_two_attempts():
    client = WazoClient("ws://localhost/", "t", reactor=Clock(), endpoint=object())
    assert client.close().called
    session = Session()
    session.refusals = 1
    session.clock.advance(0)
    session.close()
    assert session.transport is None


@pytest.mark.parametrize("url", ["", "http://localhost/", "ws://localhost:0/", "nonsense"])
def test_an_invalid_url_is_rejected(url):
    with pytest.raises(ValueError, match="URL"):
        WazoClient(url, "t", reactor=Clock())


def test_a_failing_callback_is_logged_and_does_not_end_the_connection(errors):
    session = Session().begin()
    session.client.on_event(lambda _, event: event["missing"])
    session.send({"op": "event", "data": {"name": "one"}})
    assert len(errors.flush(KeyError)) == 1
    assert session.endings == []
    session.close()


OK = b"HTTP/1.1 101 Switching Protocols\r\n"


@given(st.binary(max_size=60), st.sampled_from([b"", OK, b"HTTP/1.1 503", OK + b"Upgrade: websocket\r\n"]))
def test_the_client_survives_any_handshake(answer, start):
    session = Session()
    session.clock.advance(0)
    session.receive(start + answer + b"\r\n\r\n")
    session.close()
    assert len(session.endings) == 1


messages = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["init", "start", "event", "pong", "subscribe", 5]),
        "data": st.none() | st.integers() | st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    },
)


@given(st.lists(messages | st.text(max_size=9) | st.binary(max_size=12), max_size=8), st.booleans())
def test_the_client_survives_any_messages(received, begun):
    book = Logbook()
    globalLogPublisher.addObserver(book)
    try:
        session = Session(keep_alive=60)
        if begun:
            session.begin()
        else:
            session.upgrade()
        for message in received:
            if isinstance(message, bytes):
                session.receive(message)
            else:
                session.send(message)
        session.close()
    finally:
        globalLogPublisher.removeObserver(book)
    assert "s3cret" not in "".join(book.lines)
    assert len(session.endings) == 1
