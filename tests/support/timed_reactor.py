"""A reactor with real sockets and a clock that the test advances."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from zope.interface import directlyProvides, providedBy


class Timed(Clock):
    """Only `advance` moves the time; everything else is delegated to the reactor."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
