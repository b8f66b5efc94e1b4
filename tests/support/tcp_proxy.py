"""A wire between the bus and a broker that can go silent, and a server that never spoke."""

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


class ConnectionPolicy(ProxyFactory):
    """Forwards to a port of 127.0.0.1, until it is silent: then connections stay, and nothing passes."""

    protocol = _Server
    noisy = False
    silent = False

    def __init__(self, port):
        super().__init__("127.0.0.1", port)
        self.open = set()
        self._listening = None

    async def listen(self):
        """Return the client endpoint string of this end."""
        self._listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self)
        return f"tcp:127.0.0.1:{self._listening.getHost().port}"

    def go_silent(self):
        """Let nothing more pass, either way, on the connections there are."""
        self.silent = True
        for server in self.open:
            server.peer.dataReceived = lambda data: None

    def heal(self):
        """Forward what comes on new connections."""
        self.silent = False

    async def close(self):
        """Listen no more and cut what is left."""
        await self._listening.stopListening()
        left = list(self.open)
        for server in left:
            server.transport.abortConnection()
        await gatherResults([server.gone for server in left])


class NullLogger(ServerFactory):
    """Accepts connections and says nothing."""

    protocol = Protocol
    noisy = False
