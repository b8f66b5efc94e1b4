"""The open connections to one server, TCP or TLS, so that all can be closed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.protocol import Factory


class _AbortingConnection(ProtocolWrapper):
    """A connection that aborts instead of closing in order.

    The HTTP client closes after a complete response or a timeout. An orderly TLS shutdown would wait for
    a server that may never answer.
    """

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.abortConnection()  # of the transport


class _Registering(WrappingFactory[_AbortingConnection]):
    """Keeps each connection in `Connections` while it is open."""

    protocol = _AbortingConnection
    noisy = False

    def __init__(self, wrapped: Factory, connections: Connections) -> None:
        wrapped.noisy = False
        super().__init__(wrapped)
        self._connections = connections

    def registerProtocol(self, p: _AbortingConnection) -> None:
        self._connections.add(p)

    def unregisterProtocol(self, p: _AbortingConnection) -> None:
        self._connections.remove(p)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
@define(eq=False)
class Connections:
    """A client endpoint that records its open connections."""

    endpoint: Any
    _open: set[_AbortingConnection] = field(factory=set)
    _closed: Deferred[None] | None = None

    def endpointForURI(self, uri: object) -> Connections:
        """Return this endpoint for every URI: there is one server."""
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect, see IStreamClientEndpoint."""
        connected: Deferred[Any] = self.endpoint.connect(_Registering(factory, self))
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)

    def add(self, connection: _AbortingConnection) -> None:
        """Record a new connection."""
        self._open.add(connection)

    def remove(self, connection: _AbortingConnection) -> None:
        """Remove a closed connection."""
        self._open.discard(connection)
        if self._closed is not None and not self._open:
            closed, self._closed = self._closed, None
            closed.callback(None)

    async def close(self) -> None:
        """Abort every connection and wait until all are closed."""
        if self._open:
            closed: Deferred[None] = Deferred()
            self._closed = closed
            for connection in tuple(self._open):
                connection.loseConnection()
            await closed
