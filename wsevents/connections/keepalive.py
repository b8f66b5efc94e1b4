"""Liveness of a peer: pings, pongs and the idle timeout (RFC 6455 section 5.5.2)."""

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
"""How long until the pong is checked again if the gateway was not reading from the peer."""


@define(eq=False)
class Keepalive:
    """The ping and idle timers of one peer.

    Attributes:
        policy: the intervals, in seconds.
        timers: on the reactor's clock.
        ping: sends a ping with this payload.
        can_receive: whether a pong could have arrived: the peer is read, and its queue is not blocked.
        close: closes the session.
    """

    policy: ConnectionPolicy
    timers: Timers
    ping: Callable[[bytes], None]
    can_receive: Callable[[], bool]
    close: Callable[[CloseReason], None]

    def start(self) -> None:
        """Start the timers; the WebSocket is open."""
        if self.policy.ping_interval:
            self.timers.after(self._send_ping, "ping", self.policy.ping_interval)
        self.received()

    def received(self) -> None:
        """Restart the idle timeout: the peer has sent a frame."""
        if self.policy.idle:
            self.timers.after(self._idle_timeout, "idle", self.policy.idle)

    def pong(self) -> None:
        """Stop the pong timeout: the peer has answered a ping."""
        self.timers.clear(self._pong_timeout, "pong")

    def stop(self) -> None:
        """Stop all timers; the connection is closed."""
        self.timers.clear(self._send_ping, "ping")
        self.timers.clear(self._pong_timeout, "pong")
        self.timers.clear(self._idle_timeout, "idle")

    def _send_ping(self, name: str) -> None:
        self.ping(os.urandom(4))
        self.timers.after(self._send_ping, name, self.policy.ping_interval)
        if self.policy.pong_deadline and not self.timers.has(self._pong_timeout, "pong"):
            self.timers.after(self._pong_timeout, "pong", self.policy.pong_deadline)

    def _pong_timeout(self, name: str) -> None:
        """Close the session, unless the gateway could not have received the pong."""
        if self.can_receive():
            self.close(PING_TIMEOUT)
        else:
            self.timers.after(self._pong_timeout, name, RETRY_SECONDS)

    def _idle_timeout(self, _: str) -> None:
        self.close(IDLE)
