"""Write-through: from a peer's queue to the kernel in one step, when nothing of the peer waits anywhere.

Twisted's way costs a change of epoll, a turn of the reactor and two copies for each small write; at one
event for a thousand peers that is most of what the event costs. Here the bytes are encrypted and handed to
the socket at once. What the kernel does not take goes to Twisted's transport, and so does everything after
it, until the transport has drained: nothing ever overtakes anything.

This is the one module that knows the insides of Twisted's transports and of pyOpenSSL. `unfit` tries at
start whether they are as expected; if they are not, or if the configuration says so, `TransportWriter`, the
twin of the other two, does the same by the public way.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory

from wsevents.kernel import acknowledged

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.outbound import Writer

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
    kind = type(transport) if through else None
    if kind is BufferingTLSTransport and isinstance(transport.transport, Connection):
        return TlsWriter(transport)
    if kind is not None and issubclass(kind, Connection):
        return TcpWriter(transport)
    return TransportWriter(transport)


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

    __slots__ = ("_send", "_tcp")

    def __init__(self, tcp: Any) -> None:
        self._tcp = tcp
        self._send = tcp.socket.send

    def write(self, data: bytes) -> None:
        """Send bytes, or have the transport send them."""
        tcp = self._tcp
        if tcp.dataBuffer or tcp._tempDataLen or tcp.disconnecting or not tcp.connected:
            tcp.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # full, or broken: the transport finds out which
            sent = 0
        if sent < len(data):
            tcp.write(data[sent:])

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""
        return acknowledged(self._tcp)


class TlsWriter:
    """Writes through TLS and TCP."""

    __slots__ = ("_connection", "_from_ssl", "_send", "_ssl", "_tcp", "_tls")

    def __init__(self, tls: Any) -> None:
        self._tls = tls
        self._tcp = tls.transport
        self._send = tls.transport.socket.send
        connection = self._connection = tls.getHandle()  # held, as the next two live in it
        self._ssl = connection._ssl
        self._from_ssl = connection._from_ssl

    def write(self, data: bytes) -> None:
        """Encrypt and send bytes, or have the transport do it."""
        tls, tcp, size = self._tls, self._tcp, len(data)
        if (
            tcp.dataBuffer
            or tcp._tempDataLen
            or size > RECORD
            or not tcp.connected
            or tls._aggregator._buffer  # which there is as long as it is connected
        ):
            tls.write(data)
            return
        written = _ssl_write(self._ssl, data, size)
        if written <= 0:  # it was shut down, or has to read first
            _clear_errors()
            tls.write(data)  # tries once more, and knows what to do about the error
            return
        size = _bio_read(self._from_ssl, _buffer, _ROOM)
        try:
            sent = self._send(_encrypted[:size])
        except OSError:  # full, or broken: the transport finds out which
            sent = 0
        if sent < size:
            tcp.write(bytes(_encrypted[sent:size]))
        if written < len(data):  # the peer wants shorter records (RFC 6066 section 4): that was the first
            tls.write(data[written:])

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""
        return acknowledged(self._tls)


# -- whether the libraries' insides are as expected -------------------------------------------


def unfit(contexts: Any) -> str:
    """Return why one cannot write through, or "".

    It is tried: bytes are written through TLS and TCP over a pair of sockets, and read at the other end.

    Args:
        contexts: has a method `getContext` that returns a server's OpenSSL context.
    """
    here, there = socket.socketpair()
    try:
        return _Trial(contexts, here, there).run()
    except Exception as mistake:  # noqa: BLE001 whatever another version of a library raises
        return f"{type(mistake).__name__}: {mistake}"
    finally:
        here.close()
        there.close()


class _Still:
    """A reactor that does nothing: the trial turns by hand."""

    def ignore(self, _: object) -> None:
        pass

    addReader = removeReader = addWriter = removeWriter = ignore


class _Trial:
    """A TLS connection of which both ends are here."""

    def __init__(self, contexts: Any, here: socket.socket, there: socket.socket) -> None:
        factory = TLSMemoryBIOFactory(contexts, False, Factory.forProtocol(Protocol), Clock())
        self.tls: Any = factory.buildProtocol(None)
        self.tcp: Any = Connection(here, self.tls, _Still())  # type: ignore[arg-type]
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
            self.client.bio_write(self.there.recv(RECORD))
            if self.client.recv(RECORD) != text:
                return "what was written is not what arrived"
        return "" if not self.tcp.dataBuffer and not self.tcp._tempDataLen else "something is left over"

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
