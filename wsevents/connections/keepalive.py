"""Whether a peer is still there: pings, pongs and silence (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attrs import define

from wsevents.api.close_reasons import IDLE, PING_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.api.close_reasons import CloseReason
    from wsevents.api.effects import ConnectionPolicy
    from wsevents.connections.timers import Timers

RETRY_SECONDS = 1.0
"""A peer that we did not read just now may have answered: how long until we look again."""


@define(eq=False)
class Keepalive:
    """One peer's.

    Attributes:
        wire: the intervals.
        alarms: ring on the reactor's time.
        ping: sends a ping with this payload.
        reads: whether what the peer answers could be here: it is read, and what it was sent is under way.
        hang_up: ends its session.
    """

    wire: ConnectionPolicy
    alarms: Timers
    ping: Callable[[bytes], None]
    reads: Callable[[], bool]
    close: Callable[[CloseReason], None]

    def start(self) -> None:
        """The WebSocket is open."""
        if self.wire.ping_interval:
            self.alarms.after(self._ping, "ping", self.wire.ping_interval)
        self.heard()

    def heard(self) -> None:
        """The peer has sent something."""
        if self.wire.idle:
            self.alarms.after(self._too_quiet, "idle", self.wire.idle)

    def pong(self) -> None:
        """The peer has answered a ping."""
        self.alarms.clear(self._no_pong, "pong")

    def stop(self) -> None:
        """The connection is gone."""
        self.alarms.clear(self._ping, "ping")
        self.alarms.clear(self._no_pong, "pong")
        self.alarms.clear(self._too_quiet, "idle")

    def _ping(self, name: str) -> None:
        self.ping(os.urandom(4))
        self.alarms.after(self._ping, name, self.wire.ping_interval)
        if self.wire.pong_deadline and not self.alarms.has(self._no_pong, "pong"):
            self.alarms.after(self._no_pong, "pong", self.wire.pong_deadline)

    def _no_pong(self, name: str) -> None:
        """End the session, unless we are the ones who do not read."""
        if self.reads():
            self.close(PING_TIMEOUT)
        else:
            self.alarms.after(self._no_pong, name, RETRY_SECONDS)

    def _too_quiet(self, _: str) -> None:
        self.close(IDLE)
