"""What runs, together with the listener where operators ask about it."""

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
    """Starts a gateway or a supervisor after the status listener, and stops it before that.

    So its end can be watched.

    Attributes:
        reactor: ports and time.
        main: what runs.
        panel: says how that is.
        endpoint: where to listen, a Twisted server endpoint string; None: nowhere.
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
        """Listen. Raises SystemExit: it cannot."""
        if self.endpoint is not None:
            site = make_status_site(self.view, time(), os.getpid(), self.reactor)
            self._listeners.append(OpenListener(self.endpoint, site, "status.endpoint"))
            self._ports.open(self._listeners)
        self.main.privilegedStartService()

    def startService(self) -> None:
        """Start what runs."""
        super().startService()
        self.main.startService()

    def prepare(self) -> Callable[[], None]:
        """Read its own certificate again, if it has one; see `wsevents.connections.listeners.Listeners`."""
        return self._factories.prepare(self._listeners)

    def stopService(self) -> Deferred[None]:
        """Stop what runs, then listen no more; fires when both is done."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await maybeDeferred(self.main.stopService)
        finally:
            await self._ports.close()
