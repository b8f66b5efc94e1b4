"""A delivery of the bus in, frames into the queues of those who may see it.

Per event and dialect: project once; each audience at the event's addresses decides once; each
distinct frame is encoded once; the same bytes go to all. A dialect without listeners costs nothing,
and a body that nobody wants is never parsed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from wsevents.audience import Index
from wsevents.framing import text_frames
from wsevents.messages import Dropped

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from wsevents.interfaces import IDialect, IInterest, ISource
    from wsevents.messages import Binding, Delivery, Event

UNFIT = Dropped("the body is not a JSON object")
UNKNOWN = Dropped("no source reads its exchange")


class Listener(Protocol):
    """A peer, as the relay knows it."""

    def enqueue(self, frame: bytes) -> None:
        """Queue the frame of an event."""


@define(eq=False)
class Tally:
    """What has passed, since the start.

    Attributes:
        consumed: deliveries taken from the bus.
        dropped: those that became no event or no frame, by reason.
        matched: events that somebody wanted and may see.
        delivered: frames queued.
    """

    consumed: int = 0
    matched: int = 0
    delivered: int = 0
    dropped: Counter[str] = field(factory=Counter)


@define(eq=False)
class Stage:
    """One dialect and who listens in it."""

    dialect: IDialect
    index: Index[Listener] = field(factory=Index)


@define(eq=False)
class Relay:
    """Knows the sources by exchange and the listeners by dialect."""

    sources: Mapping[str, ISource]
    stages: Sequence[Stage]
    tally: Tally = field(factory=Tally)

    def delivered(self, delivery: Delivery) -> None:
        """Pass one delivery on to all who want it and may see it."""
        self.tally.consumed += 1
        source = self.sources.get(delivery.exchange)
        event = UNKNOWN if source is None else source.decode(delivery)
        if isinstance(event, Dropped):
            self.tally.dropped[event.reason] += 1
            return
        wanted = False
        for stage in self.stages:
            if len(stage.index) and self._pass_on(stage, event):
                wanted = True
        self.tally.matched += wanted

    def _pass_on(self, stage: Stage, event: Event) -> bool:
        """Pass an event to one dialect's listeners; say whether anybody wanted it."""
        dialect = stage.dialect
        projection = dialect.project(event)
        if projection is None:
            return False
        frames: dict[tuple[Hashable, Hashable], bytes] = {}
        for audience in stage.index.at(projection.addresses):
            variant = audience.interest.choose(projection)
            if variant is None:
                continue
            key = (audience.interest.shape, variant)
            frame = frames.get(key)
            if frame is None:
                payload = dialect.encode(projection, *key)
                if payload is None:
                    self.tally.dropped[UNFIT.reason] += 1
                    return False
                frame = frames[key] = text_frames(payload, dialect.wire.frame_max)
            for peer in audience.peers:
                peer.enqueue(frame)
            self.tally.delivered += len(audience.peers)
        return bool(frames)

    def listen(self, dialect: IDialect, peer: Listener, interests: frozenset[IInterest]) -> Changes:
        """Give a peer exactly these interests; return what it now needs upstream, and no longer."""
        index = next(stage.index for stage in self.stages if stage.dialect is dialect)
        held = index.interests(peer)
        index.listen(peer, interests)
        return Changes(_bindings(interests - held), _bindings(held - interests))


@define
class Changes:
    """Bindings that are needed once more each, and once less."""

    added: list[Binding]
    removed: list[Binding]


def _bindings(interests: frozenset[IInterest]) -> list[Binding]:
    return [binding for interest in interests for binding in interest.bindings]
