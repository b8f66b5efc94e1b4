"""A reactor whose sockets are real and whose time is a test's."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from zope.interface import directlyProvides, providedBy


class Timed(Clock):
    """Time passes by `advance` alone; everything else is the reactor's."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
