"""A proxy of the reactor: its subclasses control how Twisted's endpoints listen."""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.protocols.tls import TLSMemoryBIOFactory


@define(eq=False)
class ReactorProxy:
    """A reactor for Twisted's server endpoints. Every listening socket goes through `listenTCP`.

    Attributes:
        reactor: the reactor, or another proxy. It handles everything else, such as the clock.
    """

    reactor: Any

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Listen, see IReactorTCP. Raises CannotListenError."""
        return self.reactor.listenTCP(port, factory, backlog, interface)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Wrap the factory in TLS and listen, see IReactorSSL. Raises CannotListenError."""
        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory), backlog, interface)

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute of the reactor."""
        return getattr(self.reactor, name)
