"""The client against a server of another library, and its connection against any bytes at all."""

import base64
import json
import threading
from hashlib import sha1
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred, DeferredQueue, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.support.appwebsocket_server import far_end, welcoming
from tests.support.bus_observer import Logbook
from tests.support.client_transport import ConnectionPolicy
from wsevents.client import AppWebsocketClient, Backoff, ConnectionEnd, NotOpenError
from wsevents.core.websocket_frames import text_frames
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey

__all__ = ["far_end"]

CHALLENGE = "8675309012345678"


def quick(first=0.001):
    return Backoff(Random(1), first=first, longest=first)


@async_yield_fixture(autouse=True)
async def reason():
    """Close what a test leaves behind, or it would go on for ever."""
    yield
    while Program.made:
        await Program.made.pop().close()


class Program:
    """What a program does with a client: it notes what happens."""

    made = []  # noqa: RUF012 all of one test

    def __init__(self, url, password="pwd", app="demo", *user, **options):
        self.messages, self.endings = DeferredQueue(), DeferredQueue()
        self.opened = 0
        options.setdefault("backoff", quick())
        self.client = AppWebsocketClient.connect(url, password, app, *user, **options)
        self.client.on_open(self._open)
        self.made.append(self.client)
        self.client.on_message(lambda _, text: self.messages.put(text))
        self.client.on_close(lambda _, ending: self.endings.put(ending))

    def _open(self, client):
        assert client is self.client
        self.opened += 1


# -- the login


@ensureDeferred
async def test_it_logs_in_speaks_listens_and_closes(far_end):
    def script(visit):
        visit.note(visit.log_in())
        visit.socket.send('{"mt":"SomeMessage"}')
        visit.note(visit.socket.recv())
        visit.stay()

    end = far_end(script)
    program = Program(
        end.url, "pwd", "demo", "example.org", "jane", "0" * 32, "Jané", info='{"n":1.5,"u":"é"}', pbx_obj="x"
    )
    client = program.client
    assert not client.is_open
    with pytest.raises(NotOpenError):
        client.send("{}")
    assert await client.opened() is client
    assert (program.opened, client.is_open) == (1, True)
    said = await end.heard.get()
    assert {key: said[key] for key in ("domain", "sip", "dn", "info", "pbxObj")} == {
        "domain": "example.org",
        "sip": "jane",
        "dn": "Jané",
        "info": {"n": 1.5, "u": "é"},
        "pbxObj": "x",
    }
    assert await program.messages.get() == '{"mt":"SomeMessage"}'
    client.send('{"mt":"é"}')
    assert await end.heard.get() == '{"mt":"é"}'
    await client.close()
    assert await end.heard.get() == ("closed", 1000)
    assert (await program.endings.get()) == ConnectionEnd("closed here", opened=True, code=1000)
    assert not client.is_open
    with pytest.raises(NotOpenError):
        await client.opened()
    await client.close()


@ensureDeferred
async def test_a_long_message_is_sent_in_small_frames(far_end):
    def script(visit):
        visit.log_in()
        pieces = list(visit.socket.recv_streaming())
        visit.note([len(piece) for piece in pieces])
        visit.stay()

    end = far_end(script)
    client = await Program(end.url).client.opened()
    client.send("x" * 40000)
    assert await end.heard.get() == [16384, 16384, 7232]
    await client.close()


@ensureDeferred
async def test_what_both_ends_share(far_end):
    program = Program(far_end().url, challenge_is := "pwd")
    client = await program.client.opened()
    key = SessionKey.of(CHALLENGE, challenge_is)
    assert key.decrypt("s", client.encrypt("s", "täxt")) == "täxt"
    assert client.decrypt("s", key.encrypt("s", "täxt")) == "täxt"
    assert client.hash("s", "täxt") == key.hash("s", "täxt")
    await client.close()
    for use in (client.encrypt, client.decrypt, client.hash):
        with pytest.raises(NotOpenError):
            use("s", "00")


@ensureDeferred
async def test_a_challenge_that_is_a_number_will_do(far_end):
    def script(visit):
        visit.log_in(challenge=1234)
        visit.stay()

    client = await Program(far_end(script).url).client.opened()
    await client.close()


def delegated(challenge):
    """Return the login that a PBX would have made."""
    login = AppLogin("demo", "example.org", "jane", "0" * 32, "Jane", '{"cn":"Jané"}')
    key = SessionKey.of(challenge, "pwd").text
    return (
        "example.org",
        "jane",
        "0" * 32,
        "Jane",
        "obj",
        "demo",
        login.info,
        login.digest(challenge, "pwd"),
        key,
    )


@pytest.mark.parametrize("how", ["at once", "later", "coroutine", "auth"])
@ensureDeferred
async def test_a_login_that_somebody_else_makes(far_end, how):
    from twisted.internet import reactor

    end = far_end()
    program = Program(end.url, None)
    client, asked = program.client, DeferredQueue()

    @client.on_auth
    def find(which, app, challenge):
        asked.put((which, app, challenge))
        authentication = which.authentication(*delegated(challenge))
        if how == "at once":
            return authentication
        if how == "auth":
            reactor.callLater(0, which.auth, *delegated(challenge))
            return None
        later = Deferred()
        reactor.callLater(0, later.callback, authentication)
        return awaited(later) if how == "coroutine" else later

    async def awaited(later):
        return await later

    await client.opened()
    assert await asked.get() == (client, "demo", CHALLENGE)
    said = await end.heard.get()
    assert (said["sip"], said["pbxObj"], said["info"]) == ("jane", "obj", {"cn": "Jané"})
    assert client.hash("s", "x") == SessionKey.of(CHALLENGE, "pwd").hash("s", "x")
    client.auth(*delegated("too late"))
    await client.close()


@ensureDeferred
async def test_a_login_that_is_refused_is_tried_again_until_close(far_end):
    end = far_end()
    program = Program(end.url, "wrong")
    with pytest.raises(NotOpenError, match="refused"):
        await program.client.opened(attempts=3)
    for _ in range(3):
        ending = await program.endings.get()
        assert (ending.refused, ending.opened, ending.why) == (True, False, "the login was refused")
    assert program.opened == 0
    waiting = program.client.opened()
    await program.client.close()
    with pytest.raises(NotOpenError, match="closed"):
        await waiting


def raises(*_):
    raise RuntimeError("a s3cret text")


@pytest.mark.parametrize(
    ("on_auth", "why"),
    [
        (None, "there is no login: ValueError"),
        (raises, "there is no login: RuntimeError"),
        (lambda client, *_: client.authentication("", "", "", "", "", "", "[]", "", ""), "there is no login"),
        (lambda *_: "nonsense", "there is no login: AttributeError"),
    ],
)
@ensureDeferred
async def test_without_a_login_the_connection_ends(far_end, on_auth, why):
    program = Program(far_end().url, None)
    if on_auth:
        program.client.on_auth(on_auth)
    assert (await program.endings.get()).why.startswith(why)
    await program.client.close()


@ensureDeferred
async def test_who_looks_for_a_login_is_told_to_stop_when_the_connection_is_gone(far_end):
    def script(visit):
        visit.ask("AppChallenge")
        visit.say(mt="AppChallengeResult", challenge="1")
        visit.socket.recv()

    stopped, asked = DeferredQueue(), DeferredQueue()
    program = Program(far_end(script).url, None)

    @program.client.on_auth
    def find(*_):
        asked.put(None)
        return Deferred(stopped.put)

    await asked.get()
    closing = program.client.close()
    await stopped.get()
    await closing


# -- mistakes of the program


@ensureDeferred
async def test_a_callback_that_fails_is_blamed_and_changes_nothing(far_end, errors):
    def script(visit):
        visit.log_in()
        visit.socket.send("one")
        visit.socket.send("two")
        visit.stay()

    program = Program(far_end(script).url)
    client = program.client

    async def fails(*_):
        raises()

    client.on_open(fails)
    seen = DeferredQueue()

    @client.on_message
    def message(_, text):
        seen.put(text)
        raises()

    assert [await seen.get(), await seen.get()] == ["one", "two"]
    await client.close()
    blamed = [str(failure) for failure in errors.flush(RuntimeError)]
    assert len(blamed) == 3
    assert "s3cret" not in "".join(blamed)


def test_a_url_that_is_none_is_refused():
    for url in ("", "http://localhost/", "wss://", "conn:x", "wss://localhost:99999/"):
        with pytest.raises(ValueError):
            AppWebsocketClient(url, "pwd", "demo")


@ensureDeferred
async def test_a_client_that_was_never_started_can_be_closed():
    client = AppWebsocketClient("ws://localhost:1/", "pwd", "demo")
    await client.close()
    client.start()
    with pytest.raises(NotOpenError):
        await client.opened()


# -- flow control


@ensureDeferred
async def test_with_flow_control_a_message_waits_until_the_one_before_is_complete(far_end):
    def script(visit):
        visit.log_in()
        for number in range(5):
            visit.socket.send(str(number))
        visit.stay()

    program = Program(far_end(script).url)
    client, seen = program.client, []
    client.set_flow_control(True)
    client.on_message(lambda _, text: seen.append(text) or program.messages.put(text))
    for number in range(4):
        assert await program.messages.get() == str(number)
        assert seen == [str(each) for each in range(number + 1)]
        client.message_complete()
    assert await program.messages.get() == "4"
    client.set_flow_control(False)
    await client.close()


COUNT, SIZE = 400, 65536
"""Together more than the kernel holds for two ends (tcp(7): tcp_rmem and tcp_wmem)."""


@ensureDeferred
async def test_with_flow_control_the_socket_is_not_read(far_end):
    sent, done = [0], threading.Event()

    def script(visit):
        visit.log_in()
        for number in range(COUNT):
            visit.socket.send(f"{number:{SIZE}}")
            sent[0] = number
        done.set()
        visit.stay()

    def echo(visit):
        visit.log_in()
        while True:
            visit.socket.send(visit.socket.recv())

    end = far_end(script, echo)
    program = Program(end.url)
    client, seen = program.client, []
    client.set_flow_control(True)

    @client.on_message
    def message(_, text):
        seen.append(int(text))
        program.messages.put(text)

    await program.messages.get()
    # Meanwhile the reactor is at work: another client talks to the same end.
    other = Program(end.url)
    await other.client.opened()
    for _ in range(200):
        other.client.send("x" * 1000)
        await other.messages.get()
    await other.client.close()
    assert seen == [0]
    assert sent[0] < COUNT - 1
    assert not done.is_set()
    client.on_message(lambda which, text: (message(which, text), which.message_complete()))
    client.message_complete()
    while len(seen) < COUNT:
        await program.messages.get()
    assert seen == list(range(COUNT))
    await client.close()


@ensureDeferred
async def test_a_client_that_is_not_reading_can_be_closed(far_end):
    def script(visit):
        visit.log_in()
        visit.socket.send("one")
        visit.socket.send("two")
        visit.stay()

    end = far_end(script)
    program = Program(end.url)
    program.client.set_flow_control(True)
    assert await program.messages.get() == "one"
    await program.client.close()
    assert await end.heard.get() == ("closed", 1000)
    assert not program.messages.pending


# -- coming back


@ensureDeferred
async def test_it_comes_back_after_a_close_with_the_code_in_hand(far_end):
    def leaving(visit):
        visit.log_in()
        visit.socket.close(1011, "bus connection lost")

    def breaking(visit):
        visit.log_in()
        visit.socket.socket.shutdown(2)

    end = far_end(leaving, breaking, welcoming)
    program = Program(end.url)
    first, second = await program.endings.get(), await program.endings.get()
    assert first == ConnectionEnd(
        "the other end closed with 1011", opened=True, code=1011, reason="bus connection lost"
    )
    assert (second.opened, second.code) == (True, None)
    await end.heard.get()
    await program.client.opened()
    assert program.opened == 3
    await program.client.close()


class Nowhere:
    """An endpoint that never gets anywhere."""

    def __init__(self, clock):
        self.clock, self.tries, self.dialling = clock, [], None

    def connect(self, factory):
        self.tries.append(self.clock.seconds())
        self.dialling = Deferred()
        return self.dialling

    def fail(self):
        self.dialling.errback(ConnectionRefusedError("refused"))


def test_the_pauses_grow_are_bounded_and_differ():
    clock, entropy = Clock(), Random(5)
    nowhere = Nowhere(clock)
    client = AppWebsocketClient.connect(
        "wss://localhost/", "p", "demo", reactor=clock, endpoint=nowhere, backoff=Backoff(entropy, 1, 8)
    )
    endings = []
    client.on_close(lambda _, ending: endings.append(ending))
    assert nowhere.tries == []  # it begins in the next turn
    clock.advance(0)
    for _ in range(6):
        nowhere.fail()
        clock.pump([0.01] * 801)
    pauses = [late - early for early, late in zip(nowhere.tries, nowhere.tries[1:], strict=False)]
    expected, again = Backoff(Random(5), 1, 8), []
    again = [expected.next() for _ in pauses]
    assert len(nowhere.tries) >= 6
    assert {ending.why for ending in endings} == {"cannot connect: refused"}
    assert all(span <= 8.02 for span in again)
    closed = client.close()
    assert clock.getDelayedCalls() == []
    assert closed.called


@pytest.mark.parametrize("dialling", [True, False])
def test_close_cuts_an_attempt_or_a_pause_short(dialling):
    clock = Clock()
    nowhere = Nowhere(clock)
    client = AppWebsocketClient.connect("ws://localhost/", "p", "demo", reactor=clock, endpoint=nowhere)
    clock.advance(0)
    if not dialling:
        nowhere.fail()
    endings = []
    client.on_close(lambda _, ending: endings.append(ending.why))
    closed = client.close()
    assert closed.called
    assert clock.getDelayedCalls() == []
    assert client.close().called
    assert endings == (["closed here"] if dialling else [])


# -- a far end that does what it likes


class Line:
    """A client on a transport of the test's own, and the far end by hand."""

    def __init__(self, **options):
        self.clock = Clock()
        self.transport = ConnectionPolicy()
        self.seen, self.endings, self.dials = [], [], 0
        options = {"backoff": Backoff(Random(1), 1000, 1000)} | options
        self.client = AppWebsocketClient.connect(
            "ws://localhost/", "pwd", "demo", reactor=self.clock, endpoint=self, **options
        )
        self.client.on_message(lambda _, text: self.seen.append(text))
        self.client.on_close(lambda _, ending: self.endings.append(ending))
        self.clock.advance(0)

    def connect(self, factory):
        protocol = factory.buildProtocol(None)
        assert factory.buildProtocol(None) is None
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        return succeed(protocol)

    def upgrade(self):
        """Answer the handshake (RFC 6455 section 4.2.2)."""
        request = self.transport.value().decode()
        key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        accept = base64.b64encode(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.give(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        return self

    def give(self, data):
        if self.transport.connected:
            self.transport.protocol.dataReceived(data)

    def say(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.give(text_frames(text.encode()))

    def log_in(self):
        self.upgrade().say({"mt": "AppChallengeResult", "challenge": CHALLENGE})
        self.say({"mt": "AppLoginResult", "ok": True})
        return self

    def close(self):
        closed = self.client.close()
        self.clock.advance(5)
        assert closed.called
        assert self.clock.getDelayedCalls() == []


@pytest.mark.parametrize("progress", ["tcp", "upgrade", "challenge"])
def test_an_end_that_does_not_go_on_is_given_up(progress):
    line = Line(login_seconds=3)
    if progress != "tcp":
        line.upgrade()
    if progress == "challenge":
        line.say({"mt": "AppChallengeResult", "challenge": "1"})
    line.clock.advance(2.9)
    assert line.endings == []
    line.clock.advance(0.2)
    line.clock.advance(5)
    (ending,) = line.endings
    assert ending.why in {
        "the other end did not answer in time",
        "no challenge came in time",
        "the login was not answered in time",
    }
    line.close()


def test_who_finds_the_login_out_may_take_its_time():
    line = Line(login_seconds=3)
    line.client.on_auth(lambda *_: None)
    line.upgrade().say({"mt": "AppChallengeResult", "challenge": CHALLENGE})
    line.clock.advance(1000)
    assert line.endings == []
    line.client.auth(*delegated(CHALLENGE))
    line.say({"mt": "AppLoginResult", "ok": True})
    assert line.client.is_open
    line.close()


@pytest.mark.parametrize("challenge", [None, True, [], {}, 1.5])
def test_a_challenge_that_is_none_ends_the_connection(challenge):
    line = Line().upgrade()
    line.say({"mt": "AppChallengeResult", "challenge": challenge})
    line.clock.advance(5)
    assert [ending.why for ending in line.endings] == ["the other end sent no challenge"]
    line.close()


@pytest.mark.parametrize("ok", [None, False, "true", 1])
def test_only_true_is_ok(ok):
    line = Line().upgrade()
    line.say({"mt": "AppChallengeResult", "challenge": "1"})
    line.say({"mt": "AppLoginResult", "ok": ok})
    line.clock.advance(5)
    assert line.endings[0].refused is True
    line.close()


def test_what_comes_before_the_login_is_ignored():
    line = Line().upgrade()
    for early in ("no JSON", {"mt": "Hello"}, {"mt": "AppLoginResult", "ok": True}):
        line.say(early)
    assert not line.client.is_open
    line.say({"mt": "AppChallengeResult", "challenge": "1"})
    line.say({"mt": "AppChallengeResult", "challenge": "2"})
    line.say({"mt": "AppLoginResult", "ok": True})
    assert line.client.is_open
    assert line.seen == []
    line.say("no JSON")
    line.give(b"\x82\x01x")
    assert line.seen == ["no JSON"]
    line.close()


def test_keep_alive_speaks_up_and_gives_up():
    line = Line(keep_alive=60).log_in()
    line.transport.clear()
    line.clock.advance(60)
    assert line.transport.value()
    line.say({"mt": "KeepAlive"})
    assert line.seen == []
    for _ in range(5):
        line.clock.advance(60)
        line.say({"mt": "KeepAlive"})
    assert line.endings == []
    line.clock.advance(60)
    line.clock.advance(60)
    assert [ending.why for ending in line.endings] == ["nothing was heard of the other end"]
    line.close()


def test_a_client_that_does_not_read_gives_nobody_up():
    line = Line(keep_alive=60).log_in()
    line.client.set_flow_control(True)
    line.say("one")
    assert line.transport.producerState == "paused"
    for _ in range(10):
        line.clock.advance(60)
    assert line.endings == []
    line.client.message_complete()
    assert line.transport.producerState == "producing"
    line.close()


def test_an_end_that_closes_and_then_stays_is_cut_off():
    line = Line().log_in()
    line.give(b"\x88\x02\x03\xe8")
    assert line.endings == []
    line.clock.advance(5)
    assert [(ending.code, ending.opened) for ending in line.endings] == [(1000, True)]
    line.close()


def test_a_message_that_is_too_long_ends_the_connection():
    line = Line(message_max=100).log_in()
    line.say("x" * 101)
    line.clock.advance(5)
    assert len(line.endings) == 1
    assert line.seen == []
    line.close()


OK = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"HTTP/1.1 101\r\nX: \xff\r\n\r\n",
        OK + b"\r\n",
        OK + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_upgrade_ends_the_connection(answer):
    line = Line()
    line.give(answer)
    line.clock.advance(20)
    assert [ending.opened for ending in line.endings] == [False]
    line.close()


@given(st.binary(max_size=60), st.sampled_from([b"", OK, OK + b"Upgrade: websocket\r\n"]))
def test_whatever_answers_the_handshake_the_client_ends_well(answer, start):
    line = Line()
    line.give(start + answer + b"\r\n\r\n")
    line.close()
    assert len(line.endings) == 1


replies = st.one_of(
    st.text(max_size=10),
    st.fixed_dictionaries(
        {},
        optional={
            "mt": st.sampled_from(["AppChallengeResult", "AppLoginResult", "KeepAlive", 5]),
            "challenge": st.none()
            | st.text(st.characters(), max_size=5)
            | st.integers()
            | st.lists(st.none()),
            "ok": st.booleans() | st.text(max_size=3) | st.none(),
        },
    ),
)


@given(st.lists(replies | st.binary(max_size=12), max_size=8), st.booleans(), st.booleans())
def test_whatever_comes_the_client_ends_well(said, logged_in, flow):
    book = Logbook()
    globalLogPublisher.addObserver(book)
    try:
        line = Line(keep_alive=60)
        line.client.set_flow_control(flow)
        if logged_in:
            line.log_in()
        else:
            line.upgrade()
        for message in said:
            if isinstance(message, bytes):
                line.give(message)
            else:
                line.say(message)
        line.client.message_complete()
        line.close()
    finally:
        globalLogPublisher.removeObserver(book)
    assert "pwd" not in "".join(book.lines)
