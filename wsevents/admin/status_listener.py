"""Runs a gateway or a supervisor together with the status listener."""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from wsevents.admin.http_server import make_status_site
from wsevents.connections.listeners import OpenListener, Ports, ReloadableListeners

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.admin.cluster_view import ClusterView


@define(eq=False)
class StatusListener(Service):
    """Starts the status listener before the gateway or supervisor, and stops it after.

    So the shutdown can be monitored too.

    Attributes:
        reactor: ports and time.
        main: the gateway or supervisor.
        view: the source of the answers.
        endpoint: a Twisted server endpoint string; None: no status listener.
    """

    reactor: Any
    main: Any
    view: ClusterView
    endpoint: str | None
    _factories: ReloadableListeners = field(init=False)
    _ports: Ports = field(init=False)
    _listeners: list[OpenListener] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._factories = ReloadableListeners(self.reactor)
        self._ports = Ports(self._factories.listen, "status and metrics at")

    def privilegedStartService(self) -> None:
        """Open the ports. Raises SystemExit: a port cannot be opened."""
        if self.endpoint is not None:
            site = make_status_site(self.view, time(), os.getpid(), self.reactor)
            self._listeners.append(OpenListener(self.endpoint, site, "status.endpoint"))
            self._ports.open(self._listeners)
        self.main.privilegedStartService()

    def startService(self) -> None:
        super().startService()
        self.main.startService()

    def prepare(self) -> Callable[[], None]:
        """Read the listener's own certificate again; see `wsevents.connections.listeners.Listeners`."""
        return self._factories.prepare(self._listeners)

    def stopService(self) -> Deferred[None]:
        """Stop the gateway or supervisor, then close the port; fires when both are done."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await maybeDeferred(self.main.stopService)
        finally:
            await self._ports.close()
