"""A transport in memory for tests of clients."""

from twisted.internet.testing import StringTransportWithDisconnection


class ClientTransport(StringTransportWithDisconnection):
    """A transport with the methods of a TCP transport."""

    def abortConnection(self):
        if self.connected:
            self.loseConnection()

    def unregisterProducer(self):
        self.producer = None
