"""A TCP proxy that can stop forwarding, and a server that sends nothing."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.portforward import ProxyFactory, ProxyServer


class _Server(ProxyServer):
    def connectionMade(self):
        self.gone = Deferred()
        self.factory.open.add(self)
        super().connectionMade()

    def connectionLost(self, reason):
        self.factory.open.discard(self)
        super().connectionLost(reason)
        self.gone.callback(None)

    def dataReceived(self, data):
        if not self.factory.silent:
            super().dataReceived(data)


class TcpProxy(ProxyFactory):
    """Forwards to a port of 127.0.0.1; while silent, it keeps connections open and forwards nothing."""

    protocol = _Server
    noisy = False
    silent = False

    def __init__(self, port):
        super().__init__("127.0.0.1", port)
        self.open = set()
        self._listening = None

    async def listen(self):
        """Listen; return the client endpoint string of the proxy."""
        self._listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self)
        return f"tcp:127.0.0.1:{self._listening.getHost().port}"

    def go_silent(self):
        """Stop forwarding in both directions on the existing connections."""
        self.silent = True
        for server in self.open:
            server.peer.dataReceived = lambda data: None

    def heal(self):
        """Forward data on new connections."""
        self.silent = False

    async def close(self):
        """Stop listening and abort the open connections."""
        await self._listening.stopListening()
        left = list(self.open)
        for server in left:
            server.transport.abortConnection()
        await gatherResults([server.gone for server in left])


class SilentServer(ServerFactory):
    """Accepts connections and sends nothing."""

    protocol = Protocol
    noisy = False
