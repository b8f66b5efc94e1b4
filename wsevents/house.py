"""What all peers of the server share, and what each listening endpoint serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from wsevents.ledger import Ledger
from wsevents.settings import Drain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from wsevents.alarms import Alarms
    from wsevents.interfaces import IAuthority, IDialect
    from wsevents.outbound import Flusher
    from wsevents.relay import Relay
    from wsevents.roster import Roster
    from wsevents.server import Peer
    from wsevents.settings import Config, Limits, Outbound
    from wsevents.upstream import Upstream


@define(eq=False)
class Mount:
    """A dialect that is served, and the authority that answers its questions.

    A reload puts another object in place of the dialect, which differs by what it took of `limits`.
    """

    dialect: IDialect
    authority: IAuthority


@frozen
class Gate:
    """A listening endpoint, as its peers see it.

    Attributes:
        name: which it is, for `Request.listener`.
        mounts: the dialects served there; one that serves every path comes last.
    """

    name: str
    mounts: Sequence[Mount]

    def mount_for(self, path: str) -> Mount | None:
        """Return what serves a path, or None."""
        return next((mount for mount in self.mounts if mount.dialect.serves(path)), None)


@define(eq=False)
class House:
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
    upstream: Upstream
    roster: Roster[Peer]
    flusher: Flusher
    expiry: Alarms
    keepalive: Alarms
    now: Callable[[], float]
    limits: Limits
    outbound: Outbound
    entropy: Random
    drain: Drain = field(factory=Drain)
    bus_up: bool = False
    stopping: bool = False
    ledger: Ledger = field(factory=Ledger)

    def __attrs_post_init__(self) -> None:
        self.relay.carry = self.flusher.carry

    def renew(self, config: Config) -> None:
        """Take over what a reload may change; who is here keeps its own size of queue and rate."""
        self.limits, self.drain = config.limits, config.drain
        self.outbound = evolve(config.outbound, write_through=self.outbound.write_through)
        self.flusher.backlog.limit = config.outbound.total_bytes
