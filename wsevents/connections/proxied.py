"""Connections from TCP proxies: read the PROXY header, before TLS and everything else.

A `ProxiedConnection` reads the header (see `wsevents.core.proxy_protocol`) and no further. It waits until
admission permits the client's handshake. Then it replaces itself by the protocol of the listener's own
factory, TLS included, on the same transport. So it costs nothing per event.

Twisted's own wrapper reads the header inside TLS. A proxy that passes TLS through sends it before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from zope.interface import implementer

from wsevents.core.forwarded import LOCAL
from wsevents.core.proxy_protocol import ProxyHeader, ProxyHeaderError, read
from wsevents.endpoints.reactor_proxy import ReactorProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocolFactory
    from twisted.python.failure import Failure

    from wsevents.connections.handshake import HandshakePolicy


@implementer(IAddress)
@frozen
class ProxiedAddress:
    """The client address that a proxy sent.

    Attributes:
        host, port: of the client; of the proxy, if the header names no client.
        secure: whether the client uses TLS to the proxy.
        proxied: the connection that read the header; admission has permitted its handshake.
    """

    host: str
    port: int
    secure: bool
    proxied: ProxiedConnection = field(eq=False, repr=False)


class ProxiedConnection(Protocol):
    """A connection from a proxy, until admission permits the client's handshake.

    Attributes:
        address: of the proxy; of the client, once the header is read.
        delegate: always None, as for a `Handshake` that was not handed over.
    """

    transport: Any
    delegate = None

    def __init__(self, policy: HandshakePolicy, inner: IProtocolFactory) -> None:
        self._policy = policy
        self._inner = inner
        self._data = b""
        self._header: ProxyHeader | None = None
        self._begun = False
        self._done = False
        self.address = ""
        self._port = 0

    def connectionMade(self) -> None:
        """Reject connections that do not come from a trusted proxy; start the header timeout."""
        peer_address, policy = self.transport.getPeer(), self._policy
        self.address, self._port = (
            getattr(peer_address, "host", "") or LOCAL,
            getattr(peer_address, "port", 0),
        )
        if not policy.trusted.covers(self.address):
            self._fail(
                "proxy", "its address is not in trusted_proxies, and this listener accepts proxies only"
            )
            return
        if refusal := policy.admission.enter(self):
            self.reject(refusal)
            return
        policy.handshakes.add(self)
        if policy.handshake_seconds:
            policy.keepalive.after(self._timeout, "proxy header", policy.handshake_seconds)

    def dataReceived(self, data: bytes) -> None:
        """Collect the header; keep further data for the next protocol."""
        if self._done:
            return
        self._data += data
        if self._header is not None:
            return
        try:
            self._header = read(self._data)
        except ProxyHeaderError:
            self._fail("proxy", "no valid PROXY header")
            return
        if self._header is not None:
            self._join_queue(self._header)

    def _join_queue(self, header: ProxyHeader) -> None:
        """Wait for the handshake, counted by the client's address."""
        policy = self._policy
        policy.keepalive.clear(self._timeout, "proxy header")
        self._data = self._data[header.size :]
        if header.address:
            self.address, self._port = header.address, header.port
        shared = policy.trusted.covers(self.address)
        if refusal := policy.admission.arrive(self, self.address, shared=shared):
            self.reject(refusal)
            return
        policy.start_next()
        if not self._begun:
            self.transport.pauseProducing()
        policy.reject_excess()

    def begin(self) -> None:
        """Hand the connection over, with all data received after the header."""
        self._begun = self._done = True
        transport, data = self.transport, self._data
        secure = self._header is not None and self._header.secure
        inner: Any = self._inner.buildProtocol(ProxiedAddress(self.address, self._port, secure, self))
        transport.protocol = inner
        inner.makeConnection(transport)
        self._policy.handshakes.remove(self)
        if data:
            inner.dataReceived(data)

    def reject(self, why: str) -> None:
        """Abort the connection before its handshake; see `Handshake.reject`."""
        self._fail("limit", why)

    def _timeout(self, _: str) -> None:
        self._fail("timeout", "timeout of the PROXY header")

    def _fail(self, reason: str, why: str) -> None:
        self._done = True
        self._policy.session_log.failed[reason] += 1
        self._policy.rejections.log(why, self.address)
        self._policy.admission.leave(self)
        self.abort()

    def abort(self) -> None:
        """Abort the connection."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Release the connection's place in admission."""
        policy = self._policy
        if not self._done:
            policy.session_log.failed["lost"] += 1
        self._done = True
        policy.keepalive.clear(self._timeout, "proxy header")
        policy.admission.leave(self)
        policy.start_next()
        policy.handshakes.remove(self)


class ProxiedFactory(ServerFactory):
    """Reads a PROXY header from each connection, then continues with another factory's protocol."""

    noisy = False

    def __init__(self, policy: HandshakePolicy, inner: IProtocolFactory) -> None:
        self._policy = policy
        self._inner = inner

    def doStart(self) -> None:
        self._inner.doStart()

    def doStop(self) -> None:
        self._inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> ProxiedConnection:
        return ProxiedConnection(self._policy, self._inner)


@define(eq=False)
class ProxiedReactor(ReactorProxy):
    """A reactor whose ports read a PROXY header from each connection.

    Attributes:
        proxied: returns the factory that reads the header and continues with the given factory.
    """

    proxied: Callable[[Any], Any]

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen on TCP; TLS, if any, follows the PROXY header. Raises CannotListenError."""
        return self.reactor.listenTCP(port, self.proxied(factory), backlog, interface)

    def listenUNIX(self, address: str, factory: Any, *arguments: Any, **options: Any) -> Any:
        """Listen on a Unix socket."""
        return self.reactor.listenUNIX(address, self.proxied(factory), *arguments, **options)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on a socket that another process has bound, such as systemd."""
        return self.reactor.adoptStreamPort(fileDescriptor, addressFamily, self.proxied(factory))
