"""Publishes the story on a bus, for as long as it runs."""

from __future__ import annotations

from time import localtime
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from wsevents.core.wazo_publication import body, headers
from wsevents.demo.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from wsevents.api.interfaces import IBus
    from wsevents.core.wazo_publication import NewEvent


class DemoService(Service):
    """Tells the story while it runs; each start begins a new one."""

    _log = Logger()

    def __init__(
        self,
        bus: IBus,
        exchange: str,
        *,
        clock: IReactorTime,
        now: Callable[[], float],
        entropy: Random,
        origin: str | None,
    ) -> None:
        """Prepare.

        Args:
            bus: what to publish on.
            exchange: the exchange to publish on.
            clock: for delays.
            now: seconds since the epoch.
            entropy: what chance decides by.
            origin: uuid of the installation that it plays in, or None.
        """
        self._bus = bus
        self._exchange = exchange
        self._clock = clock
        self._now = now
        self._entropy = entropy
        self._origin = origin
        self._turn: IDelayedCall | None = None
        self._failing = False

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._story = Story(self._entropy, self._now())
        self._tell()

    def stopService(self) -> None:
        """Stop; nothing is published after this."""
        super().stopService()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _tell(self) -> None:
        now = self._now()
        happenings, due = self._story.next(now)
        self._turn = self._clock.callLater(max(0.0, due - now), self._tell)
        for happening in happenings:
            self._publish(happening, now)

    def _publish(self, happening: NewEvent, now: float) -> None:
        head = headers(happening, self._origin, now, localtime(now).tm_gmtoff)
        payload = body(head, happening.data)
        done = maybeDeferred(self._bus.publish, self._exchange, happening.key, head, payload)
        done.addCallbacks(self._published, self._not_published)

    def _published(self, _: None) -> None:
        self._failing = False

    def _not_published(self, failure: Failure) -> None:
        """Say it once; the demo goes on, and the bus comes back by itself."""
        if not self._failing:
            self._log.warn("the demo cannot publish: {why}", why=failure.getErrorMessage())
        self._failing = True
