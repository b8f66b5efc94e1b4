"""What all peers of the server share, and what each listening endpoint serves."""

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
    """A dialect that is served, and the authority that answers its questions.

    A reload puts another object in place of the dialect, which differs by what it took of `limits`.
    """

    dialect: IDialect
    authority: IAuthority


@frozen
class ListenerDialects:
    """A listening endpoint, as its peers see it.

    Attributes:
        name: which it is, for `Request.listener`.
        mounts: the dialects served there; one that serves every path comes last.
    """

    name: str
    served: Sequence[ServedDialect]

    def served_for(self, path: str) -> ServedDialect | None:
        """Return what serves a path, or None."""
        return next((served for served in self.served if served.dialect.serves(path)), None)


@define(eq=False)
class GatewayState:
    """What all peers share.

    Attributes:
        roster: the peers whose WebSocket is open.
        now: wall time; sessions think in it.
        expiry: alarms on wall time, for sessions.
        keepalive: alarms on the reactor's time, for connections.
        bus_up: whether events can come at all.
        stopping: whoever comes now is told to go.
        limits, outbound, drain: as the configuration has them now.
        ledger: what has become of sessions.
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
        self.relay.carry = self.flusher.carry

    def reconfigure(self, config: Config) -> None:
        """Take over what a reload may change; who is here keeps its own size of queue and rate."""
        self.limits, self.drain = config.limits, config.drain
        self.outbound = evolve(config.outbound, write_through=self.outbound.write_through)
        self.flusher.budget.limit = config.outbound.total_bytes
