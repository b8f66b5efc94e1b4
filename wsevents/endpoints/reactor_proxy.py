"""What Twisted's endpoints are given in place of a reactor by those who have a say in how they listen."""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.protocols.tls import TLSMemoryBIOFactory


@define(eq=False)
class ReactorProxy:
    """A reactor as far as Twisted's endpoints need one to listen.

    Attributes:
        reactor: the real one, or what stands in for it; has all that is not here, such as the clock.
    """

    reactor: Any

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen. Raises CannotListenError."""
        return self.reactor.listenTCP(port, factory, backlog, interface)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Listen with TLS around the factory, as Twisted's reactors have it. Raises CannotListenError."""
        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory), backlog, interface)

    def __getattr__(self, name: str) -> Any:
        """Return what else the reactor has."""
        return getattr(self.reactor, name)
