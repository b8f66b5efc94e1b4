"""The transport of a client whose other end is the test."""

from twisted.internet.testing import StringTransportWithDisconnection


class ConnectionPolicy(StringTransportWithDisconnection):
    """A transport that can do what TCP's can."""

    def abortConnection(self):
        if self.connected:
            self.loseConnection()

    def unregisterProducer(self):
        self.producer = None
