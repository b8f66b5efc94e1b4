"""State that all peers of a gateway share, and the dialects that each listener serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from wsevents.api.settings import Drain
from wsevents.core.session_log import SessionLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from wsevents.api.interfaces import IAuthority, IDialect
    from wsevents.api.settings import Config, Limits, OutboundSettings
    from wsevents.connections.registry import Registry
    from wsevents.connections.timers import Timers
    from wsevents.connections.websocket import Peer
    from wsevents.delivery.bindings import Bindings
    from wsevents.delivery.relay import Relay
    from wsevents.delivery.send_queue import Flusher


@define(eq=False)
class ServedDialect:
    """A dialect, and the authority that answers the questions of its sessions.

    A reload replaces `dialect` with a dialect of the new configuration.
    """

    dialect: IDialect
    authority: IAuthority


@frozen
class ListenerDialects:
    """The dialects of one listener.

    Attributes:
        name: identifies the listener, as `Request.listener`.
        served: the dialects; a dialect that serves every path is last.
    """

    name: str
    served: Sequence[ServedDialect]

    def served_for(self, path: str) -> ServedDialect | None:
        """Return the first dialect that serves a path, or None."""
        return next((served for served in self.served if served.dialect.serves(path)), None)


@define(eq=False)
class GatewayState:
    """State that all peers share.

    Attributes:
        registry: the peers with an open WebSocket.
        now: wall time in seconds since 1970, as sessions get it.
        expiry: timers on wall time, for sessions.
        keepalive: timers on the reactor's clock, for connections.
        bus_up: whether the bus is connected.
        stopping: whether the gateway is shutting down; new sessions are closed at once.
        limits, outbound, drain: sections of the current configuration.
        session_log: counts sessions and remembers closed ones.
    """

    relay: Relay
    bindings: Bindings
    registry: Registry[Peer]
    flusher: Flusher
    expiry: Timers
    keepalive: Timers
    now: Callable[[], float]
    limits: Limits
    outbound: OutboundSettings
    entropy: Random
    drain: Drain = field(factory=Drain)
    bus_up: bool = False
    stopping: bool = False
    session_log: SessionLog = field(factory=SessionLog)

    def __attrs_post_init__(self) -> None:
        self.relay.note_received = self.flusher.note_received

    def reconfigure(self, config: Config) -> None:
        """Apply a reloaded configuration. Open connections keep their queue size and message rate."""
        self.limits, self.drain = config.limits, config.drain
        self.outbound = evolve(config.outbound, write_through=self.outbound.write_through)
        self.flusher.budget.limit = config.outbound.total_bytes
