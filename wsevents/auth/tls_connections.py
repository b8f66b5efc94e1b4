"""Every TCP connection to one server, plain or over TLS, so that all can be ended at once."""

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


class _Abrupt(ProtocolWrapper):
    """A connection that is dropped rather than closed politely.

    A client closes when it has all it wants or will not wait any longer; over TLS the polite way would
    wait for a peer that may never answer.
    """

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.abortConnection()  # the transport's own


class _Registering(WrappingFactory[_Abrupt]):
    """Registers each connection for as long as it is there."""

    protocol = _Abrupt
    noisy = False

    def __init__(self, wrapped: Factory, connections: Connections) -> None:
        wrapped.noisy = False
        super().__init__(wrapped)
        self._connections = connections

    def registerProtocol(self, p: _Abrupt) -> None:
        self._connections.add(p)

    def unregisterProtocol(self, p: _Abrupt) -> None:
        self._connections.remove(p)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
@define(eq=False)
class Connections:
    """Every connection to the server: an endpoint that knows what it has connected."""

    endpoint: Any
    _open: set[_Abrupt] = field(factory=set)
    _over: Deferred[None] | None = None

    def endpointForURI(self, uri: object) -> Connections:
        """Return itself: there is one server."""
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect; as of IStreamClientEndpoint."""
        connected: Deferred[Any] = self.endpoint.connect(_Registering(factory, self))
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)

    def add(self, connection: _Abrupt) -> None:
        """Take note of a new connection."""
        self._open.add(connection)

    def remove(self, connection: _Abrupt) -> None:
        """Take note that a connection is over."""
        self._open.discard(connection)
        if self._over is not None and not self._open:
            over, self._over = self._over, None
            over.callback(None)

    async def close(self) -> None:
        """Drop every connection; return when all are gone."""
        if self._open:
            over: Deferred[None] = Deferred()
            self._over = over
            for connection in tuple(self._open):
                connection.loseConnection()
            await over
