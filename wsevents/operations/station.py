"""What runs, together with the listener where operators ask about it."""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from wsevents.entrance.ports import Casings, Entrance, Ports
from wsevents.operations.site import make_status_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.operations.panel import Panel


@define(eq=False)
class Station(Service):
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
    panel: Panel
    endpoint: str | None
    _casings: Casings = field(init=False)
    _ports: Ports = field(init=False)
    _entrances: list[Entrance] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._casings = Casings(self.reactor)
        self._ports = Ports(self._casings.listen, "status and metrics at")

    def privilegedStartService(self) -> None:
        """Listen. Raises SystemExit: it cannot."""
        if self.endpoint is not None:
            site = make_status_site(self.panel, time(), os.getpid(), self.reactor)
            self._entrances.append(Entrance(self.endpoint, site, "status.endpoint"))
            self._ports.open(self._entrances)
        self.main.privilegedStartService()

    def startService(self) -> None:
        """Start what runs."""
        super().startService()
        self.main.startService()

    def renewal(self) -> Callable[[], None]:
        """Read its own certificate again, if it has one; see `wsevents.entrance.ports.Listening`."""
        return self._casings.renewal(self._entrances)

    def stopService(self) -> Deferred[None]:
        """Stop what runs, then listen no more; fires when both is done."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await maybeDeferred(self.main.stopService)
        finally:
            await self._ports.close()
