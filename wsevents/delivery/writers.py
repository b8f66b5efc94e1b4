"""Write-through: encrypt and send the data of a peer at once, if its transport has no buffered data.

A write through Twisted's transport costs a change of the epoll set, a reactor turn and two copies. For one
small event to a thousand peers, this is most of the cost. The writers here encrypt the bytes and pass them to
the socket directly. Twisted's transport gets the bytes that the socket does not accept, and all later bytes
until the transport has drained, so the order is kept. A transport with buffered data is in the reactor's set
of writers. The check uses this set, because it stays in the CPU cache; the state of a thousand transports
does not.

Only this module uses internals of Twisted's transports and of pyOpenSSL.
At the start, `write_through_problem` tests these internals.
If the test fails, or if `outbound.write_through` is false,
`TransportWriter` uses the public interface.
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
"""Most bytes of a TLS record (RFC 8446 section 5.1); the transport writes larger data."""
_ROOM = RECORD + 1024

try:
    from OpenSSL._util import ffi as _ffi
    from OpenSSL._util import lib as _lib

    _ssl_write: Any = _lib.SSL_write
    _bio_read: Any = _lib.BIO_read
    _clear_errors: Any = _lib.ERR_clear_error
    _buffer: Any = _ffi.new("char[]", _ROOM)
    _encrypted = memoryview(_ffi.buffer(_buffer, _ROOM))  # shared by all peers; each write overwrites it
except (ImportError, AttributeError):  # another version of pyOpenSSL; `write_through_problem` reports it
    pass


def make_writer(transport: Any, *, through: bool) -> Writer:
    """Return the writer for a connected transport; `through` permits write-through."""
    kind = type(transport)
    tcp = transport.transport if kind is BufferingTLSTransport else transport
    if not (through and isinstance(tcp, Connection) and isinstance(tcp.reactor, EPollReactor)):
        return TransportWriter(transport)
    return TcpWriter(tcp) if tcp is transport else TlsWriter(transport)


class TransportWriter:
    """Writes through the public interface of the transport."""

    __slots__ = ("_transport", "write")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write

    def taken(self) -> int:
        return acknowledged(self._transport)


class TcpWriter:
    """Writes to the socket of a TCP transport."""

    __slots__ = ("_number", "_send", "_tcp", "_waiting")

    def __init__(self, tcp: Any) -> None:
        self._tcp = tcp
        self._send = tcp.socket.send
        self._number, self._waiting = tcp.fileno(), tcp.reactor._writes

    def write(self, data: bytes) -> None:
        """Send bytes directly, or through the transport if it has buffered data."""
        if self._number in self._waiting:
            self._tcp.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # the socket is full or broken; the transport determines which
            sent = 0
        if sent < len(data):
            self._tcp.write(data[sent:])

    def taken(self) -> int:
        return acknowledged(self._tcp)


class TlsWriter:
    """Encrypts with the OpenSSL connection of a TLS transport and writes to its socket."""

    __slots__ = (
        "_aggregator", "_connection", "_from_ssl", "_number", "_send", "_ssl", "_tcp", "_tls", "_waiting"
    )  # fmt: skip

    def __init__(self, tls: Any) -> None:
        tcp = tls.transport
        self._tls, self._tcp, self._aggregator = tls, tcp, tls._aggregator
        self._send = tcp.socket.send
        self._number, self._waiting = tcp.fileno(), tcp.reactor._writes
        connection = self._connection = tls.getHandle()  # keeps the next two valid
        self._ssl = connection._ssl
        self._from_ssl = connection._from_ssl

    def write(self, data: bytes) -> None:
        """Encrypt and send bytes directly, or through the transport if it has buffered data."""
        size = len(data)
        if self._number in self._waiting or size > RECORD or self._aggregator._buffer:
            self._tls.write(data)
            return
        written = _ssl_write(self._ssl, data, size)
        if written <= 0:  # TLS was shut down or must read first
            _clear_errors()
            self._tls.write(data)  # tries again and handles the error
            return
        size = _bio_read(self._from_ssl, _buffer, _ROOM)
        try:
            sent = self._send(_encrypted[:size])
        except OSError:  # the socket is full or broken; the transport determines which
            sent = 0
        if sent < size:
            self._tcp.write(bytes(_encrypted[sent:size]))
        if written < len(data):  # the peer negotiated shorter records (RFC 6066 section 4)
            self._tls.write(data[written:])

    def taken(self) -> int:
        return acknowledged(self._tls)


# -- test of the libraries' internals ---------------------------------------------------------


def write_through_problem(contexts: Any, reactor: Any) -> str:
    """Return the reason why write-through does not work, or "".

    The test writes bytes through TLS and TCP over a pair of sockets and compares them at the other end.

    Args:
        contexts: an object with a method `getContext` that returns the OpenSSL context of a server.
        reactor: the reactor of the gateway.
    """
    if not isinstance(reactor, EPollReactor):
        return "the reactor is not the epoll reactor"
    server, client = socket.socketpair()
    try:
        trial = _Trial(contexts, server, client, reactor)
        try:
            return trial.run()
        finally:
            trial.tcp.stopWriting()
    except Exception as error:  # noqa: BLE001 another version of a library may raise any exception
        return f"{type(error).__name__}: {error}"
    finally:
        server.close()
        client.close()


class _Trial:
    """A TLS connection with both ends in this process; the reactor does not run during the test."""

    def __init__(
        self, contexts: Any, server: socket.socket, client: socket.socket, reactor: EPollReactor
    ) -> None:
        self.clock = Clock()
        factory = TLSMemoryBIOFactory(contexts, False, Factory.forProtocol(Protocol), self.clock)
        self.tls: Any = factory.buildProtocol(None)
        server.setblocking(False)
        self.tcp: Any = Connection(server, self.tls, reactor)
        self.tcp.connected = 1
        client.settimeout(1.0)
        self.socket = client
        self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.client.set_connect_state()

    def run(self) -> str:
        """Perform the handshake and write; return the first problem, or ""."""
        self.tls.makeConnection(self.tcp)
        self._handshake()
        writer = make_writer(self.tls, through=True)
        if not isinstance(writer, TlsWriter):
            return "the TLS or the TCP transport has an unexpected type"
        for text in (b"straight", b"and again"):
            writer.write(text)
            if self._arrived() != text:
                return "the received bytes differ from the written bytes"
        self.tls.write(b"first the transport's, ")
        writer.write(b"then ours, ")
        self.clock.advance(0)
        writer.write(b"all in order")
        self.clock.advance(0)
        self.tcp.doWrite()
        if self._arrived() != b"first the transport's, then ours, all in order":
            return "bytes overtake the buffered bytes of the transport"
        return "bytes are left in the transport" if self.tcp.dataBuffer or self.tcp._tempDataLen else ""

    def _arrived(self) -> bytes:
        self.client.bio_write(self.socket.recv(RECORD))
        text = b""
        while True:
            try:
                text += self.client.recv(RECORD)
            except SSL.WantReadError:
                return text

    def _handshake(self) -> None:
        for _ in range(3):
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                self.tls.dataReceived(self.client.bio_read(65536))
                self.tcp.doWrite()
                self.client.bio_write(self.socket.recv(65536))
            else:
                self.tls.dataReceived(self.client.bio_read(65536))
                self.tcp.doWrite()
                return
