"""The AppWebsocket client against a server of another library, and against random bytes."""

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
from tests.support.client_transport import ClientTransport
from wsevents.client import AppWebsocketClient, Backoff, ConnectionEnd, NotOpenError
from wsevents.core.websocket_frames import text_frames
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey

__all__ = ["far_end"]

CHALLENGE = "8675309012345678"


def quick(first=0.001):
    return Backoff(Random(1), first=first, longest=first)


@async_yield_fixture(autouse=True)
async def reason():
    """Close the clients of a test, which otherwise reconnect without limit."""
    yield
    while Program.made:
        await Program.made.pop().close()


class Program:
    """A program with a client, which records the callbacks."""

    made = []  # noqa: RUF012 all clients of a test

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
async def test_it_logs_in_sends_receives_and_closes(far_end):
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
    login = await end.heard.get()
    assert {key: login[key] for key in ("domain", "sip", "dn", "info", "pbxObj")} == {
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
    assert (await program.endings.get()) == ConnectionEnd("closed by the client", opened=True, code=1000)
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
async def test_client_and_server_share_a_session_key(far_end):
    program = Program(far_end().url, password := "pwd")
    client = await program.client.opened()
    key = SessionKey.of(CHALLENGE, password)
    assert key.decrypt("s", client.encrypt("s", "täxt")) == "täxt"
    assert client.decrypt("s", key.encrypt("s", "täxt")) == "täxt"
    assert client.hash("s", "täxt") == key.hash("s", "täxt")
    await client.close()
    for use in (client.encrypt, client.decrypt, client.hash):
        with pytest.raises(NotOpenError):
            use("s", "00")


@ensureDeferred
async def test_a_challenge_may_be_a_number(far_end):
    def script(visit):
        visit.log_in(challenge=1234)
        visit.stay()

    client = await Program(far_end(script).url).client.opened()
    await client.close()


def delegated(challenge):
    """Return the login that a PBX makes for the challenge."""
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
async def test_another_program_can_make_the_login(far_end, how):
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
    login = await end.heard.get()
    assert (login["sip"], login["pbxObj"], login["info"]) == ("jane", "obj", {"cn": "Jané"})
    assert client.hash("s", "x") == SessionKey.of(CHALLENGE, "pwd").hash("s", "x")
    client.auth(*delegated("too late"))
    await client.close()


@ensureDeferred
async def test_a_rejected_login_is_retried_until_close(far_end):
    end = far_end()
    program = Program(end.url, "wrong")
    with pytest.raises(NotOpenError, match="rejected"):
        await program.client.opened(attempts=3)
    for _ in range(3):
        ending = await program.endings.get()
        assert (ending.refused, ending.opened, ending.why) == (True, False, "the server rejected the login")
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
        (None, "the program gave no login: ValueError"),
        (raises, "the program gave no login: RuntimeError"),
        (
            lambda client, *_: client.authentication("", "", "", "", "", "", "[]", "", ""),
            "the program gave no login",
        ),
        (lambda *_: "nonsense", "the program gave no login: AttributeError"),
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
async def test_the_deferred_of_on_auth_is_cancelled_when_the_connection_is_closed(far_end):
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


# -- errors of the program


@ensureDeferred
async def test_a_failing_callback_is_logged_and_does_not_end_the_connection(far_end, errors):
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
    logged = [str(failure) for failure in errors.flush(RuntimeError)]
    assert len(logged) == 3
    assert "s3cret" not in "".join(logged)


def test_an_invalid_url_is_rejected():
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
"""Together more than the kernel buffers on both sides (tcp(7): tcp_rmem and tcp_wmem)."""


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
    # The reactor is busy in this time: another client exchanges messages with the same server.
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


# -- reconnecting


@ensureDeferred
async def test_it_reconnects_after_a_close_and_reports_the_code(far_end):
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
        "the server closed with 1011", opened=True, code=1011, reason="bus connection lost"
    )
    assert (second.opened, second.code) == (True, None)
    await end.heard.get()
    await program.client.opened()
    assert program.opened == 3
    await program.client.close()


class PendingEndpoint:
    """An endpoint that does not connect until the test lets it fail."""

    def __init__(self, clock):
        self.clock, self.tries, self.connecting = clock, [], None

    def connect(self, factory):
        self.tries.append(self.clock.seconds())
        self.connecting = Deferred()
        return self.connecting

    def fail(self):
        self.connecting.errback(ConnectionRefusedError("refused"))


def test_the_delays_grow_are_bounded_and_differ():
    clock, entropy = Clock(), Random(5)
    endpoint = PendingEndpoint(clock)
    client = AppWebsocketClient.connect(
        "wss://localhost/", "p", "demo", reactor=clock, endpoint=endpoint, backoff=Backoff(entropy, 1, 8)
    )
    endings = []
    client.on_close(lambda _, ending: endings.append(ending))
    assert endpoint.tries == []  # it connects in the next turn
    clock.advance(0)
    for _ in range(6):
        endpoint.fail()
        clock.pump([0.01] * 801)
    delays = [late - early for early, late in zip(endpoint.tries, endpoint.tries[1:], strict=False)]
    expected, again = Backoff(Random(5), 1, 8), []
    again = [expected.next() for _ in delays]
    assert len(endpoint.tries) >= 6
    assert {ending.why for ending in endings} == {"cannot connect: refused"}
    assert all(span <= 8.02 for span in again)
    closed = client.close()
    assert clock.getDelayedCalls() == []
    assert closed.called


@pytest.mark.parametrize("connecting", [True, False])
def test_close_cancels_an_attempt_or_a_delay(connecting):
    clock = Clock()
    endpoint = PendingEndpoint(clock)
    client = AppWebsocketClient.connect("ws://localhost/", "p", "demo", reactor=clock, endpoint=endpoint)
    clock.advance(0)
    if not connecting:
        endpoint.fail()
    endings = []
    client.on_close(lambda _, ending: endings.append(ending.why))
    closed = client.close()
    assert closed.called
    assert clock.getDelayedCalls() == []
    assert client.close().called
    assert endings == (["closed by the client"] if connecting else [])


# -- a scripted server


class Session:
    """A client on a test transport, with a server that the test scripts."""

    def __init__(self, **options):
        self.clock = Clock()
        self.transport = ClientTransport()
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
def test_a_server_that_does_not_answer_in_time_is_disconnected(progress):
    session = Session(login_seconds=3)
    if progress != "tcp":
        session.upgrade()
    if progress == "challenge":
        session.say({"mt": "AppChallengeResult", "challenge": "1"})
    session.clock.advance(2.9)
    assert session.endings == []
    session.clock.advance(0.2)
    session.clock.advance(5)
    (ending,) = session.endings
    assert ending.why in {
        "the server did not answer in time",
        "the server did not send a challenge in time",
        "the server did not answer the login in time",
    }
    session.close()


def test_on_auth_has_no_timeout():
    session = Session(login_seconds=3)
    session.client.on_auth(lambda *_: None)
    session.upgrade().say({"mt": "AppChallengeResult", "challenge": CHALLENGE})
    session.clock.advance(1000)
    assert session.endings == []
    session.client.auth(*delegated(CHALLENGE))
    session.say({"mt": "AppLoginResult", "ok": True})
    assert session.client.is_open
    session.close()


@pytest.mark.parametrize("challenge", [None, True, [], {}, 1.5])
def test_an_invalid_challenge_ends_the_connection(challenge):
    session = Session().upgrade()
    session.say({"mt": "AppChallengeResult", "challenge": challenge})
    session.clock.advance(5)
    assert [ending.why for ending in session.endings] == ["the server sent an invalid challenge"]
    session.close()


@pytest.mark.parametrize("ok", [None, False, "true", 1])
def test_only_true_is_a_successful_login(ok):
    session = Session().upgrade()
    session.say({"mt": "AppChallengeResult", "challenge": "1"})
    session.say({"mt": "AppLoginResult", "ok": ok})
    session.clock.advance(5)
    assert session.endings[0].refused is True
    session.close()


def test_unexpected_messages_before_the_login_are_ignored():
    session = Session().upgrade()
    for early in ("no JSON", {"mt": "Hello"}, {"mt": "AppLoginResult", "ok": True}):
        session.say(early)
    assert not session.client.is_open
    session.say({"mt": "AppChallengeResult", "challenge": "1"})
    session.say({"mt": "AppChallengeResult", "challenge": "2"})
    session.say({"mt": "AppLoginResult", "ok": True})
    assert session.client.is_open
    assert session.seen == []
    session.say("no JSON")
    session.give(b"\x82\x01x")
    assert session.seen == ["no JSON"]
    session.close()


def test_keep_alive_messages_are_sent_and_a_silent_server_is_disconnected():
    session = Session(keep_alive=60).log_in()
    session.transport.clear()
    session.clock.advance(60)
    assert session.transport.value()
    session.say({"mt": "KeepAlive"})
    assert session.seen == []
    for _ in range(5):
        session.clock.advance(60)
        session.say({"mt": "KeepAlive"})
    assert session.endings == []
    session.clock.advance(60)
    session.clock.advance(60)
    assert [ending.why for ending in session.endings] == ["the server sent nothing for too long"]
    session.close()


def test_keep_alive_has_no_timeout_while_reading_is_paused():
    session = Session(keep_alive=60).log_in()
    session.client.set_flow_control(True)
    session.say("one")
    assert session.transport.producerState == "paused"
    for _ in range(10):
        session.clock.advance(60)
    assert session.endings == []
    session.client.message_complete()
    assert session.transport.producerState == "producing"
    session.close()


def test_a_connection_that_the_server_does_not_close_after_its_close_frame_is_aborted():
    session = Session().log_in()
    session.give(b"\x88\x02\x03\xe8")
    assert session.endings == []
    session.clock.advance(5)
    assert [(ending.code, ending.opened) for ending in session.endings] == [(1000, True)]
    session.close()


def test_a_message_that_is_too_long_ends_the_connection():
    session = Session(message_max=100).log_in()
    session.say("x" * 101)
    session.clock.advance(5)
    assert len(session.endings) == 1
    assert session.seen == []
    session.close()


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
def test_a_handshake_without_an_upgrade_ends_the_connection(answer):
    session = Session()
    session.give(answer)
    session.clock.advance(20)
    assert [ending.opened for ending in session.endings] == [False]
    session.close()


@given(st.binary(max_size=60), st.sampled_from([b"", OK, OK + b"Upgrade: websocket\r\n"]))
def test_the_client_survives_any_handshake(answer, start):
    session = Session()
    session.give(start + answer + b"\r\n\r\n")
    session.close()
    assert len(session.endings) == 1


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
def test_the_client_survives_any_messages(received, logged_in, flow):
    book = Logbook()
    globalLogPublisher.addObserver(book)
    try:
        session = Session(keep_alive=60)
        session.client.set_flow_control(flow)
        if logged_in:
            session.log_in()
        else:
            session.upgrade()
        for message in received:
            if isinstance(message, bytes):
                session.give(message)
            else:
                session.say(message)
        session.client.message_complete()
        session.close()
    finally:
        globalLogPublisher.removeObserver(book)
    assert "pwd" not in "".join(book.lines)
