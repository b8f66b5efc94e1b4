"""The relay: decodes each delivery of the bus and queues its frames for the peers that may see the event.

Per event and dialect, the relay projects the event once, evaluates each audience at its addresses once, and
encodes each distinct frame once. All peers share the bytes. The relay skips a dialect without interests and
does not parse a body that no interest needs. If a dialect raises, only its own peers miss the event.
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
    """The part of a peer's send queue that the relay uses."""

    def event(self, message: Message) -> None:
        """Queue an event."""


@define(eq=False)
class RelayStats:
    """Counters since the start.

    Attributes:
        consumed: deliveries from the bus.
        matched: events that matched an interest of at least one peer.
        delivered: frames passed to the peers' queues.
        bytes: bytes of these frames, before compression.
        gaps: times that the bus lost events.
        losses: times that the connection to the bus was lost.
        dropped: deliveries and events that were dropped, by reason.
    """

    consumed: int = 0
    matched: int = 0
    delivered: int = 0
    bytes: int = 0
    gaps: int = 0
    losses: int = 0
    dropped: Counter[str] = field(factory=Counter)


@define(eq=False)
class DialectIndex:
    """A dialect and the index of its peers."""

    dialect: IDialect
    index: Index[Subscriber] = field(factory=Index)


@define(eq=False)
class Relay:
    """Passes deliveries from the bus to the peers.

    Attributes:
        sources: the sources of each exchange, by name of the exchange.
        dialect_indexes: one index per dialect.
        stats: counters since the start.
        note_received: called with the reception time of each event that at least one peer receives.
    """

    sources: Mapping[str, Sequence[ISource]]
    dialect_indexes: Sequence[DialectIndex]
    stats: RelayStats = field(factory=RelayStats)
    note_received: Callable[[float], None] = lambda _received: None

    def delivered(self, delivery: Delivery) -> None:
        """Queue the frames of one delivery for all peers with a matching interest."""
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
                wanted = [self._offer(served, event) for served in self.dialect_indexes]
                if any(wanted):
                    self.stats.matched += 1
                    self.note_received(delivery.received)

    def _drop(self, dropped: Dropped) -> None:
        """Count a drop, and log the first one of each reason, because a wrong configuration may cause it."""
        self.stats.dropped[dropped.reason] += 1
        if self.stats.dropped[dropped.reason] == 1:
            _log.warn("an event was dropped: {reason} (further ones are only counted)", reason=dropped.reason)

    def _offer(self, served: DialectIndex, event: Event) -> bool:
        """Queue an event for the peers of one dialect; return whether at least one peer receives it."""
        if not len(served.index):
            return False
        try:
            return self._queue_frames(served, event)
        except Exception:  # noqa: BLE001 an error in one dialect must not affect the others
            self._drop(Dropped(f"the dialect {served.dialect.name} failed: {safe_location(Failure())}"))
            return False

    def _queue_frames(self, served: DialectIndex, event: Event) -> bool:
        dialect = served.dialect
        projection = dialect.project(event)
        if projection is None:
            return False
        messages: dict[tuple[Hashable, Hashable], Message] = {}
        shape: Hashable = None
        variant: Hashable = None
        delivered = size = 0
        for audience in served.index.at(projection.addresses):
            interest = audience.interest
            chosen = interest.choose(projection)
            if chosen is None:
                continue
            if chosen is not variant or interest.shape is not shape:
                framed = self._message(dialect, projection, (interest.shape, chosen), messages)
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

    def _message(
        self,
        dialect: IDialect,
        projection: IProjection,
        key: tuple[Hashable, Hashable],
        messages: dict[tuple[Hashable, Hashable], Message],
    ) -> Message | None:
        """Return the message of this shape and variant, encoded at most once, or None if encoding fails."""
        message = messages.get(key)
        if message is None:
            payload = dialect.encode(projection, *key)
            if payload is None:
                self._drop(UNFIT)
                return None
            message = messages[key] = Message(payload, dialect.policy.frame_max)
        return message

    def log_totals(self) -> None:
        """Log the counters."""
        stats = self.stats
        _log.info(
            "totals: {consumed} events consumed, {matched} matched, {delivered} delivered, "
            "{gaps} gaps, {dropped} dropped{why}",
            consumed=stats.consumed,
            matched=stats.matched,
            delivered=stats.delivered,
            gaps=stats.gaps,
            dropped=stats.dropped.total(),
            why="".join(f"; {count}: {reason}" for reason, count in stats.dropped.most_common()),
        )

    def interests(self, dialect: IDialect, peer: Subscriber) -> frozenset[IInterest]:
        """Return the present interests of a peer."""
        return self._index(dialect).held(peer)

    def subscribe(self, dialect: IDialect, peer: Subscriber, interests: frozenset[IInterest]) -> Changes:
        """Replace all interests of a peer; return the changes."""
        return self._index(dialect).subscribe(peer, interests)

    def _index(self, dialect: IDialect) -> Index[Subscriber]:
        """Return the index of a dialect. It is found by name, because a reload replaces the object."""
        return next(served.index for served in self.dialect_indexes if served.dialect.name == dialect.name)
