"""Write-through: from a peer's queue to the kernel in one step, when nothing of the peer waits anywhere.

Twisted's way costs a change of epoll, a turn of the reactor and two copies for each small write; at one
event for a thousand peers that is most of what the event costs. Here the bytes are encrypted and handed to
the socket at once. What the kernel does not take goes to Twisted's transport, and so does everything after
it, until the transport has drained: nothing ever overtakes anything. A transport that was given anything
asks the reactor for its turn, so the reactor's set of those that wait tells all at once who is free: it is
small and at hand, where a look into each of a thousand transports is what the processor waits for.

This is the one module that knows the insides of Twisted's transports and of pyOpenSSL. `unfit` tries at
start whether they are as expected; if they are not, or if the configuration says so, `TransportWriter`, the
twin of the other two, does the same by the public way.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory

from wsevents.system.sockets import acknowledged

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.delivery.send_queue import Writer

RECORD = 16384
"""Most that one TLS record holds (RFC 8446 section 5.1); more is written by the transport."""
_ROOM = RECORD + 1024

try:
    from OpenSSL._util import ffi as _ffi
    from OpenSSL._util import lib as _lib

    _ssl_write: Any = _lib.SSL_write
    _bio_read: Any = _lib.BIO_read
    _clear_errors: Any = _lib.ERR_clear_error
    _buffer: Any = _ffi.new("char[]", _ROOM)
    _encrypted = memoryview(_ffi.buffer(_buffer, _ROOM))  # of all peers: nothing stays in it
except (ImportError, AttributeError):  # another pyOpenSSL than today's; `unfit` says so
    pass


def make_writer(transport: Any, *, through: bool) -> Writer:
    """Return the writer for a connected transport; `through` says whether to write through where one can."""
    kind = type(transport)
    tcp = transport.transport if kind is BufferingTLSTransport else transport
    if not (through and isinstance(tcp, Connection) and isinstance(tcp.reactor, EPollReactor)):
        return TransportWriter(transport)
    return TcpWriter(tcp) if tcp is transport else TlsWriter(transport)


class TransportWriter:
    """Writes by the transport, as any Twisted program does."""

    __slots__ = ("_transport", "write")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""
        return acknowledged(self._transport)


class TcpWriter:
    """Writes through a plain TCP transport."""

    __slots__ = ("_number", "_send", "_tcp", "_waiting")

    def __init__(self, tcp: Any) -> None:
        self._tcp = tcp
        self._send = tcp.socket.send
        self._number, self._waiting = tcp.fileno(), tcp.reactor._writes

    def write(self, data: bytes) -> None:
        """Send bytes, or have the transport send them."""
        if self._number in self._waiting:
            self._tcp.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # full, or broken: the transport finds out which
            sent = 0
        if sent < len(data):
            self._tcp.write(data[sent:])

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""
        return acknowledged(self._tcp)


class TlsWriter:
    """Writes through TLS and TCP."""

    __slots__ = (
        "_aggregator", "_connection", "_from_ssl", "_number", "_send", "_ssl", "_tcp", "_tls", "_waiting"
    )  # fmt: skip

    def __init__(self, tls: Any) -> None:
        tcp = tls.transport
        self._tls, self._tcp, self._aggregator = tls, tcp, tls._aggregator
        self._send = tcp.socket.send
        self._number, self._waiting = tcp.fileno(), tcp.reactor._writes
        connection = self._connection = tls.getHandle()  # held, as the next two live in it
        self._ssl = connection._ssl
        self._from_ssl = connection._from_ssl

    def write(self, data: bytes) -> None:
        """Encrypt and send bytes, or have the transport do it."""
        size = len(data)
        if self._number in self._waiting or size > RECORD or self._aggregator._buffer:
            self._tls.write(data)
            return
        written = _ssl_write(self._ssl, data, size)
        if written <= 0:  # it was shut down, or has to read first
            _clear_errors()
            self._tls.write(data)  # tries once more, and knows what to do about the error
            return
        size = _bio_read(self._from_ssl, _buffer, _ROOM)
        try:
            sent = self._send(_encrypted[:size])
        except OSError:  # full, or broken: the transport finds out which
            sent = 0
        if sent < size:
            self._tcp.write(bytes(_encrypted[sent:size]))
        if written < len(data):  # the peer wants shorter records (RFC 6066 section 4): that was the first
            self._tls.write(data[written:])

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""
        return acknowledged(self._tls)


# -- whether the libraries' insides are as expected -------------------------------------------


def unfit(contexts: Any, reactor: Any) -> str:
    """Return why one cannot write through, or "".

    It is tried: bytes are written through TLS and TCP over a pair of sockets, and read at the other end.

    Args:
        contexts: has a method `getContext` that returns a server's OpenSSL context.
        reactor: with which it is to be done.
    """
    if not isinstance(reactor, EPollReactor):
        return "the reactor is not the one of epoll"
    here, there = socket.socketpair()
    try:
        trial = _Trial(contexts, here, there, reactor)
        try:
            return trial.run()
        finally:
            trial.tcp.stopWriting()
    except Exception as mistake:  # noqa: BLE001 whatever another version of a library raises
        return f"{type(mistake).__name__}: {mistake}"
    finally:
        here.close()
        there.close()


class _Trial:
    """A TLS connection of which both ends are here; the reactor does not turn meanwhile."""

    def __init__(
        self, contexts: Any, here: socket.socket, there: socket.socket, reactor: EPollReactor
    ) -> None:
        self.clock = Clock()
        factory = TLSMemoryBIOFactory(contexts, False, Factory.forProtocol(Protocol), self.clock)
        self.tls: Any = factory.buildProtocol(None)
        here.setblocking(False)
        self.tcp: Any = Connection(here, self.tls, reactor)
        self.tcp.connected = 1
        there.settimeout(1.0)
        self.there = there
        self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.client.set_connect_state()

    def run(self) -> str:
        """Shake hands, write, and say what is not as it should be."""
        self.tls.makeConnection(self.tcp)
        self._shake_hands()
        writer = make_writer(self.tls, through=True)
        if not isinstance(writer, TlsWriter):
            return "TLS and TCP transports are of other kinds"
        for text in (b"straight", b"and again"):
            writer.write(text)
            if self._arrived() != text:
                return "what was written is not what arrived"
        self.tls.write(b"first the transport's, ")
        writer.write(b"then ours, ")
        self.clock.advance(0)
        writer.write(b"all in order")
        self.clock.advance(0)
        self.tcp.doWrite()
        if self._arrived() != b"first the transport's, then ours, all in order":
            return "what waits in the transport is overtaken"
        return "something is left over" if self.tcp.dataBuffer or self.tcp._tempDataLen else ""

    def _arrived(self) -> bytes:
        self.client.bio_write(self.there.recv(RECORD))
        text = b""
        while True:
            try:
                text += self.client.recv(RECORD)
            except SSL.WantReadError:
                return text

    def _shake_hands(self) -> None:
        for _ in range(3):
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                self.tls.dataReceived(self.client.bio_read(65536))
                self.tcp.doWrite()
                self.client.bio_write(self.there.recv(65536))
            else:
                self.tls.dataReceived(self.client.bio_read(65536))
                self.tcp.doWrite()
                return
