"""The porch: where a proxy for TCP says whom it speaks for, before TLS and everything else.

It reads the proxy's header (see `wsevents.core.proxy_protocol`) and nothing beyond, waits for the turn of the
peer, and then has the transport forget it: what was to listen in the first place, TLS included, gets the same
transport as without a proxy. So nothing of it is left in the way of an event.

Twisted's own wrapper for this stands within TLS, where no balancer speaks that leaves TLS alone.
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
    """Where a connection comes from, as a proxy has told it.

    Attributes:
        host, port: of the peer; those of the proxy, if it speaks for itself.
        secure: it came to the proxy over TLS.
        porch: where it waited for its turn, which has come.
    """

    host: str
    port: int
    secure: bool
    proxied: ProxiedConnection = field(eq=False, repr=False)


class ProxiedConnection(Protocol):
    """One connection until it is the turn of the peer behind the proxy.

    Attributes:
        address: of the proxy, and then of the peer.
        inside: nobody.
    """

    transport: Any
    inside = None

    def __init__(self, policy: HandshakePolicy, inner: IProtocolFactory) -> None:
        self._policy = policy
        self._inner = inner
        self._data = b""
        self._heard: ProxyHeader | None = None
        self._begun = False
        self._over = False
        self.address = ""
        self._port = 0

    def connectionMade(self) -> None:
        """Hear whom a trusted proxy speaks for; anybody else could say what he likes."""
        there, policy = self.transport.getPeer(), self._policy
        self.address, self._port = getattr(there, "host", "") or LOCAL, getattr(there, "port", 0)
        if not policy.trusted.covers(self.address):
            self._end("proxy", "was refused: the listener is for proxies, and it is not of trusted_proxies")
            return
        if refusal := policy.admission.enter(self):
            self.reject(refusal)
            return
        policy.handshakes.add(self)
        if policy.handshake_seconds:
            policy.keepalive.after(self._too_late, "introduction", policy.handshake_seconds)

    def dataReceived(self, data: bytes) -> None:
        """Collect the header; what is beyond it is for whom the connection is passed on to."""
        if self._over:
            return
        self._data += data
        if self._heard is not None:
            return
        try:
            self._heard = read(self._data)
        except ProxyHeaderError:
            self._end("proxy", "sent no PROXY header that can be understood")
            return
        if self._heard is not None:
            self._arrive(self._heard)

    def _arrive(self, heard: ProxyHeader) -> None:
        """Stand in line as the peer."""
        policy = self._policy
        policy.keepalive.clear(self._too_late, "introduction")
        self._data = self._data[heard.size :]
        if heard.address:
            self.address, self._port = heard.address, heard.port
        shared = policy.trusted.covers(self.address)
        if refusal := policy.admission.arrive(self, self.address, shared=shared):
            self.reject(refusal)
            return
        policy.start_next()
        if not self._begun:
            self.transport.pauseProducing()
        policy.reject_excess()

    def begin(self) -> None:
        """It is the peer's turn: pass the connection on, with what has come of it."""
        self._begun = self._over = True
        transport, data = self.transport, self._data
        secure = self._heard is not None and self._heard.secure
        inner: Any = self._inner.buildProtocol(ProxiedAddress(self.address, self._port, secure, self))
        transport.protocol = inner
        inner.makeConnection(transport)
        self._policy.handshakes.remove(self)
        if data:
            inner.dataReceived(data)

    def reject(self, why: str) -> None:
        """End the connection before its turn; see `Handshake.reject`."""
        self._end("limit", f"was refused: {why}")

    def _too_late(self, _: str) -> None:
        self._end("timeout", "did not send its PROXY header in time")

    def _end(self, reason: str, what: str) -> None:
        self._over = True
        self._policy.session_log.failed[reason] += 1
        self._policy.rejections.tell(what, self.address)
        self._policy.admission.leave(self)
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the peer out."""
        policy = self._policy
        if not self._over:
            policy.session_log.failed["lost"] += 1
        self._over = True
        policy.keepalive.clear(self._too_late, "introduction")
        policy.admission.leave(self)
        policy.start_next()
        policy.handshakes.remove(self)


class ProxiedFactory(ServerFactory):
    """Listens in place of another factory."""

    noisy = False

    def __init__(self, policy: HandshakePolicy, inner: IProtocolFactory) -> None:
        self._policy = policy
        self._inner = inner

    def doStart(self) -> None:
        """Start what is behind it."""
        self._inner.doStart()

    def doStop(self) -> None:
        """Stop what is behind it."""
        self._inner.doStop()

    def buildProtocol(self, addr: IAddress | None) -> ProxiedConnection:
        """Return a porch for a new connection."""
        return ProxiedConnection(self._policy, self._inner)


@define(eq=False)
class ProxiedReactor(ReactorProxy):
    """Where all that endpoints listen on gets a porch.

    Attributes:
        porch: returns what is to listen in place of a factory.
    """

    proxied: Callable[[Any], Any]

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen; TLS, if there is any, comes behind the porch. Raises CannotListenError."""
        return self.reactor.listenTCP(port, self.proxied(factory), backlog, interface)

    def listenUNIX(self, address: str, factory: Any, *arguments: Any, **options: Any) -> Any:
        """Listen on a Unix socket."""
        return self.reactor.listenUNIX(address, self.proxied(factory), *arguments, **options)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on what somebody else has bound."""
        return self.reactor.adoptStreamPort(fileDescriptor, addressFamily, self.proxied(factory))
