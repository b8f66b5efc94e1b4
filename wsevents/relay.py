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

from wsevents.audience import Index
from wsevents.blame import blame
from wsevents.framing import Message
from wsevents.messages import Dropped

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from wsevents.audience import Changes
    from wsevents.interfaces import IDialect, IInterest, IProjection, ISource
    from wsevents.messages import Delivery, Event

_log = Logger()
UNFIT = Dropped("the body is not a JSON object")
UNKNOWN = Dropped("no source reads its exchange")


class Listener(Protocol):
    """A peer's queue, as the relay knows it."""

    def event(self, message: Message) -> None:
        """Queue an event."""


@define(eq=False)
class Tally:
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
    index: Index[Listener] = field(factory=Index)


@define(eq=False)
class Relay:
    """Knows the sources by exchange and the listeners by dialect.

    Attributes:
        sources, stages: these.
        tally: what has passed.
        carry: told when an event that is on its way to somebody was taken from the bus.
    """

    sources: Mapping[str, Sequence[ISource]]
    stages: Sequence[Stage]
    tally: Tally = field(factory=Tally)
    carry: Callable[[float], None] = lambda _received: None

    def delivered(self, delivery: Delivery) -> None:
        """Pass one delivery on to all who want it and may see it."""
        self.tally.consumed += 1
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
                    self.tally.matched += 1
                    self.carry(delivery.received)

    def _drop(self, dropped: Dropped) -> None:
        """Count it; the first time, tell the operator, who may have meant something else."""
        self.tally.dropped[dropped.reason] += 1
        if self.tally.dropped[dropped.reason] == 1:
            _log.warn("an event was dropped: {reason} (further ones are counted only)", reason=dropped.reason)

    def _offer(self, stage: Stage, event: Event) -> bool:
        """Pass an event to one dialect's listeners; say whether anybody wanted it."""
        if not len(stage.index):
            return False
        try:
            return self._pass_on(stage, event)
        except Exception:  # noqa: BLE001 one dialect's mistake is not another's
            self._drop(Dropped(f"the dialect {stage.dialect.name} failed: {blame(Failure())}"))
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
        self.tally.delivered += delivered
        self.tally.bytes += size
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

    def sum_up(self) -> None:
        """Tell the log what has passed."""
        tally = self.tally
        _log.info(
            "in all: {consumed} events consumed, {matched} matched, {delivered} delivered, "
            "{gaps} gaps, {dropped} dropped{why}",
            consumed=tally.consumed,
            matched=tally.matched,
            delivered=tally.delivered,
            gaps=tally.gaps,
            dropped=tally.dropped.total(),
            why="".join(f"; {count}: {reason}" for reason, count in tally.dropped.most_common()),
        )

    def interests(self, dialect: IDialect, peer: Listener) -> frozenset[IInterest]:
        """Return the interests of a peer."""
        return self._index(dialect).held(peer)

    def listen(self, dialect: IDialect, peer: Listener, interests: frozenset[IInterest]) -> Changes:
        """Give a peer exactly these interests; return what that changed."""
        return self._index(dialect).listen(peer, interests)

    def _index(self, dialect: IDialect) -> Index[Listener]:
        """Return who listens in a dialect, by its name: after a reload it is another object."""
        return next(stage.index for stage in self.stages if stage.dialect.name == dialect.name)
