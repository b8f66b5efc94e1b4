"""Publishes the demo's events on a bus."""

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
    """Publishes the events of a `Story` while it runs; each start begins a new story."""

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
        """Initialize the service.

        Args:
            bus: bus to publish on.
            exchange: exchange to publish on.
            clock: schedules the next events.
            now: returns seconds since the epoch.
            entropy: source of random numbers.
            origin: uuid of the installation in the events; None: the events have no uuid.
        """
        self._bus = bus
        self._exchange = exchange
        self._clock = clock
        self._now = now
        self._entropy = entropy
        self._origin = origin
        self._next_turn: IDelayedCall | None = None
        self._failing = False

    def startService(self) -> None:
        super().startService()
        self._story = Story(self._entropy, self._now())
        self._publish_due()

    def stopService(self) -> None:
        super().stopService()
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None

    def _publish_due(self) -> None:
        now = self._now()
        events, due = self._story.next(now)
        self._next_turn = self._clock.callLater(max(0.0, due - now), self._publish_due)
        for event in events:
            self._publish(event, now)

    def _publish(self, event: NewEvent, now: float) -> None:
        head = headers(event, self._origin, now, localtime(now).tm_gmtoff)
        payload = body(head, event.data)
        done = maybeDeferred(self._bus.publish, self._exchange, event.key, head, payload)
        done.addCallbacks(self._published, self._not_published)

    def _published(self, _: None) -> None:
        self._failing = False

    def _not_published(self, failure: Failure) -> None:
        """Log the first failure of a series; the bus reconnects by itself."""
        if not self._failing:
            self._log.warn("the demo cannot publish: {why}", why=failure.getErrorMessage())
        self._failing = True
