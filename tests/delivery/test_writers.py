"""All writers fulfil the same contract, over Twisted's transports and a fake socket."""

from contextlib import suppress
from errno import EAGAIN, EPIPE

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from wsevents.delivery import writers
from wsevents.delivery.writers import (
    RECORD,
    TcpWriter,
    TlsWriter,
    TransportWriter,
    make_writer,
    write_through_problem,
)
from wsevents.endpoints.self_signed import temporary_tls_options

CERTIFICATE = temporary_tls_options()


class Socket:
    """A socket that accepts a chosen number of bytes per call."""

    def __init__(self):
        self.taken, self.room, self.broken = b"", 10**9, False

    def setblocking(self, _):
        pass

    def fileno(self):
        return 1000

    def shutdown(self, _):
        pass

    def close(self):
        self.broken = True

    def send(self, data):
        if self.broken:
            raise BrokenPipeError(EPIPE, "broken")
        count = min(self.room, len(data))
        if not count:
            raise BlockingIOError(EAGAIN, "full")
        self.taken += bytes(data[:count])
        self.room -= count
        return count


class Reactor(EPollReactor):
    """An epoll reactor reduced to its set of writers; the test makes its turns."""

    def __init__(self):
        self.writers, self._writes = set(), set()

    def addWriter(self, one):
        self.writers.add(one)
        self._writes.add(one.fileno())

    def removeWriter(self, one):
        self.writers.discard(one)
        self._writes.discard(one.fileno())

    def addReader(self, one):
        pass

    removeReader = addReader


class Line:
    """A connection: Twisted's transport at one end, the bytes that a client reads at the other."""

    def __init__(self, kind, through):
        self.socket, self.reactor, self.clock = Socket(), Reactor(), Clock()
        protocol = self.protocol = Protocol()
        if kind == "tls":
            factory = Factory.forProtocol(lambda: protocol)
            protocol = TLSMemoryBIOFactory(CERTIFICATE, False, factory, self.clock).buildProtocol(None)
        self.tcp = Connection(self.socket, protocol, self.reactor)
        self.tcp.connected = 1
        self.client, self.heard = None, b""
        protocol.makeConnection(self.tcp)
        if kind == "tls":
            self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
            self.client.set_connect_state()
            self._shake_hands(protocol)
        self.transport = self.protocol.transport
        self.writer = make_writer(self.transport, through=through)

    def _shake_hands(self, protocol):
        for _ in range(3):
            with suppress(SSL.WantReadError):
                self.client.do_handshake()
            with suppress(SSL.WantReadError):
                protocol.dataReceived(self.client.bio_read(65536))
            self.turn()
            taken, self.socket.taken = self.socket.taken, b""
            if taken:
                self.client.bio_write(taken)
        assert self.read() == b""

    def turn(self):
        """Let the reactor write and run the due calls."""
        self.clock.advance(0)
        for one in list(self.reactor.writers):
            one.doWrite()

    def read(self):
        """Let the client read the bytes in the kernel; return all bytes read so far."""
        taken, self.socket.taken = self.socket.taken, b""
        if self.client is None:
            self.heard += taken
            return self.heard
        if taken:
            self.client.bio_write(taken)
        while True:
            try:
                self.heard += self.client.recv(65536)
            except SSL.WantReadError:
                return self.heard

    def drain(self):
        self.socket.room = 10**9
        for _ in range(3):
            self.turn()
        return self.read()


BOTH = pytest.mark.parametrize("through", [True, False])
KINDS = pytest.mark.parametrize("kind", ["tls", "tcp"])


@KINDS
def test_each_transport_has_a_writer_and_any_transport_the_public_one(kind):
    through = {"tls": TlsWriter, "tcp": TcpWriter}
    assert type(Line(kind, through=True).writer) is through[kind]
    assert type(Line(kind, through=False).writer) is TransportWriter


@KINDS
def test_an_idle_connection_writes_to_the_kernel_at_once(kind):
    line = Line(kind, through=True)
    line.writer.write(b"now")
    assert line.read() == b"now"
    assert not line.reactor.writers


@KINDS
@BOTH
def test_bytes_that_the_kernel_does_not_accept_follow_in_order(kind, through):
    line = Line(kind, through)
    line.socket.room = 5
    for text in (b"first", b"second", b"third"):
        line.writer.write(text)
    assert line.reactor.writers or not through
    assert line.drain() == b"firstsecondthird"
    line.writer.write(b"fourth")
    assert line.drain() == b"firstsecondthirdfourth"


@KINDS
@BOTH
@pytest.mark.parametrize("turns", [0, 1])
def test_new_bytes_do_not_overtake_buffered_bytes_when_room_appears(kind, through, turns):
    line = Line(kind, through)
    line.socket.room = 2
    line.writer.write(b"first")
    for _ in range(turns):  # moves the bytes from one of Twisted's two buffers to the other
        line.socket.room = 2
        line.turn()
    line.socket.room = 10**9
    line.writer.write(b"second")
    assert line.drain() == b"firstsecond"


@KINDS
@BOTH
def test_bytes_that_were_written_through_the_transport_are_not_overtaken(kind, through):
    line = Line(kind, through)
    line.transport.write(b"one ")
    line.writer.write(b"two ")
    line.transport.write(b"three")
    assert line.drain() == b"one two three"


@KINDS
@BOTH
@pytest.mark.parametrize("size", [RECORD - 1, RECORD, RECORD + 1, 5 * RECORD])
def test_data_of_any_size_arrives_completely(kind, through, size):
    line = Line(kind, through)
    data = bytes(range(256)) * (size // 256 + 1)
    line.writer.write(data[:size])
    assert line.drain() == data[:size]


def test_a_client_with_short_records_receives_everything_once_and_in_order(monkeypatch):
    """With max_fragment_length (RFC 6066), OpenSSL writes one record at a time."""
    write, short = writers._ssl_write, 512
    monkeypatch.setattr(writers, "_ssl_write", lambda to, data, size: write(to, data, min(size, short)))
    line = Line("tls", through=True)
    for text in (b"a" * 1300, b"b" * short, b"c"):
        line.writer.write(text)
    assert line.drain() == b"a" * 1300 + b"b" * short + b"c"
    line.writer.write(b"d")
    assert line.read().endswith(b"cd")


@KINDS
@BOTH
def test_the_reactor_detects_a_broken_connection(kind, through):
    line = Line(kind, through)
    line.socket.broken = True
    line.writer.write(b"lost")
    line.clock.advance(0)
    assert isinstance(line.tcp.doWrite(), Exception)


@KINDS
@BOTH
def test_after_the_end_nothing_is_written_and_nothing_raises(kind, through):
    line = Line(kind, through)
    line.transport.loseConnection()
    line.writer.write(b"late")
    line.tcp.connected = 0
    line.writer.write(b"later")
    assert line.read() == b""


@KINDS
@BOTH
def test_writing_to_a_lost_connection_has_no_effect_and_does_not_raise(kind, through):
    line = Line(kind, through)
    line.tcp.connectionLost(Failure(ConnectionDone()))
    line.writer.write(b"late")
    assert line.read() == b""


def test_the_internals_of_the_libraries_are_as_expected():
    from twisted.internet import reactor

    assert write_through_problem(CERTIFICATE, reactor) == ""


def test_unexpected_internals_are_detected_and_explained(monkeypatch):
    from twisted.internet import reactor

    assert write_through_problem(CERTIFICATE, Clock()) == "the reactor is not the epoll reactor"
    with monkeypatch.context() as patch:
        patch.setattr(reactor, "_writes", set())  # a reactor that does not maintain this set
        patch.setattr(type(reactor), "addWriter", lambda *_: None)
        assert write_through_problem(CERTIFICATE, reactor)
    monkeypatch.setattr(writers, "_bio_read", lambda *_: 0)
    assert write_through_problem(CERTIFICATE, reactor)
    monkeypatch.delattr(writers, "_ssl_write")
    assert write_through_problem(CERTIFICATE, reactor).startswith("NameError: ")


data = st.binary(min_size=1, max_size=40)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), data),
        st.tuples(st.just("ordinary"), data),
        st.tuples(st.just("room"), st.sampled_from([0, 1, 5, 30, 10**9])),
        st.tuples(st.just("turn"), st.none()),
        st.tuples(st.just("read"), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(["tls", "tcp"]), steps)
def test_every_writer_sends_the_same_stream_for_any_behaviour_of_the_kernel(kind, steps):
    lines = [Line(kind, through=True), Line(kind, through=False)]
    written = b""
    for what, value in steps:
        if what in {"write", "ordinary"}:
            written += value
        for line in lines:
            if what == "write":
                line.writer.write(value)
            elif what == "ordinary":
                line.transport.write(value)
            elif what == "room":
                line.socket.room = value
            elif what == "turn":
                line.turn()
            else:
                assert written.startswith(line.read())
    assert [line.drain() for line in lines] == [written, written]
