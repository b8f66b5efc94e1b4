"""A delivery of the bus in, frames into the queues of those who may see it.

Per event and dialect: project once; each audience at the event's addresses decides once; each
distinct frame is encoded once; the same bytes go to all. A dialect without listeners costs nothing,
and a body that nobody wants is never parsed. A dialect that fails costs its own peers this event.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from attrs import define, field
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.api.events import Dropped
from wsevents.core.index import Index
from wsevents.core.websocket_frames import Message
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from wsevents.api.events import Delivery, Event
    from wsevents.api.interests import IInterest, IProjection
    from wsevents.api.interfaces import IDialect, ISource
    from wsevents.core.index import Changes

_log = Logger()
UNFIT = Dropped("the body is not a JSON object")
UNKNOWN = Dropped("no source reads its exchange")


class Subscriber(Protocol):
    """A peer's queue, as the relay knows it."""

    def event(self, message: Message) -> None:
        """Queue an event."""


@define(eq=False)
class RelayStats:
    """What has passed, since the start.

    Attributes:
        consumed: deliveries taken from the bus.
        dropped: those that became no event or no frame, by reason.
        matched: events that somebody wanted and may see.
        delivered: frames offered to peers' queues.
        bytes: of these frames, before compression.
        gaps: how often the bus has lost events.
        losses: how often the bus itself was lost.
    """

    consumed: int = 0
    matched: int = 0
    delivered: int = 0
    bytes: int = 0
    gaps: int = 0
    losses: int = 0
    dropped: Counter[str] = field(factory=Counter)


@define(eq=False)
class Stage:
    """One dialect and who listens in it."""

    dialect: IDialect
    index: Index[Subscriber] = field(factory=Index)


@define(eq=False)
class Relay:
    """Knows the sources by exchange and the listeners by dialect.

    Attributes:
        sources, stages: these.
        stats: what has passed.
        carry: told when an event that is on its way to somebody was taken from the bus.
    """

    sources: Mapping[str, Sequence[ISource]]
    stages: Sequence[Stage]
    stats: RelayStats = field(factory=RelayStats)
    carry: Callable[[float], None] = lambda _received: None

    def delivered(self, delivery: Delivery) -> None:
        """Pass one delivery on to all who want it and may see it."""
        self.stats.consumed += 1
        sources = self.sources.get(delivery.exchange)
        if sources is None:
            self._drop(UNKNOWN)
            return
        for source in sources:
            event = source.decode(delivery)
            if isinstance(event, Dropped):
                self._drop(event)
            else:
                wanted = [self._offer(stage, event) for stage in self.stages]
                if any(wanted):
                    self.stats.matched += 1
                    self.carry(delivery.received)

    def _drop(self, dropped: Dropped) -> None:
        """Count it; the first time, tell the operator, who may have meant something else."""
        self.stats.dropped[dropped.reason] += 1
        if self.stats.dropped[dropped.reason] == 1:
            _log.warn("an event was dropped: {reason} (further ones are counted only)", reason=dropped.reason)

    def _offer(self, stage: Stage, event: Event) -> bool:
        """Pass an event to one dialect's listeners; say whether anybody wanted it."""
        if not len(stage.index):
            return False
        try:
            return self._pass_on(stage, event)
        except Exception:  # noqa: BLE001 one dialect's mistake is not another's
            self._drop(Dropped(f"the dialect {stage.dialect.name} failed: {safe_location(Failure())}"))
            return False

    def _pass_on(self, stage: Stage, event: Event) -> bool:
        dialect = stage.dialect
        projection = dialect.project(event)
        if projection is None:
            return False
        messages: dict[tuple[Hashable, Hashable], Message] = {}
        shape: Hashable = None
        variant: Hashable = None
        delivered = size = 0
        for audience in stage.index.at(projection.addresses):
            interest = audience.interest
            chosen = interest.choose(projection)
            if chosen is None:
                continue
            if chosen is not variant or interest.shape is not shape:
                framed = self._framed(dialect, projection, (interest.shape, chosen), messages)
                if framed is None:
                    break
                shape, variant, message = interest.shape, chosen, framed
            count = len(audience.peers)
            delivered += count
            size += count * len(message.plain)
            for peer in audience.peers:
                peer.event(message)
        self.stats.delivered += delivered
        self.stats.bytes += size
        return bool(delivered)

    def _framed(
        self,
        dialect: IDialect,
        projection: IProjection,
        key: tuple[Hashable, Hashable],
        messages: dict[tuple[Hashable, Hashable], Message],
    ) -> Message | None:
        """Return the message of this shape and variant, made once; or None if there is none."""
        message = messages.get(key)
        if message is None:
            payload = dialect.encode(projection, *key)
            if payload is None:
                self._drop(UNFIT)
                return None
            message = messages[key] = Message(payload, dialect.wire.frame_max)
        return message

    def log_totals(self) -> None:
        """Tell the log what has passed."""
        stats = self.stats
        _log.info(
            "in all: {consumed} events consumed, {matched} matched, {delivered} delivered, "
            "{gaps} gaps, {dropped} dropped{why}",
            consumed=stats.consumed,
            matched=stats.matched,
            delivered=stats.delivered,
            gaps=stats.gaps,
            dropped=stats.dropped.total(),
            why="".join(f"; {count}: {reason}" for reason, count in stats.dropped.most_common()),
        )

    def interests(self, dialect: IDialect, peer: Subscriber) -> frozenset[IInterest]:
        """Return the interests of a peer."""
        return self._index(dialect).held(peer)

    def subscribe(self, dialect: IDialect, peer: Subscriber, interests: frozenset[IInterest]) -> Changes:
        """Give a peer exactly these interests; return what that changed."""
        return self._index(dialect).subscribe(peer, interests)

    def _index(self, dialect: IDialect) -> Index[Subscriber]:
        """Return who listens in a dialect, by its name: after a reload it is another object."""
        return next(stage.index for stage in self.stages if stage.dialect.name == dialect.name)
