"""What waits to be sent: one bounded queue a peer, one flush a reactor turn for the whole server.

Everything that a peer is sent goes through its queue (replies, events, pongs, close frames), so
the order on the wire is the order of the queue. A peer whose transport is full is *behind*: its
queue waits, is counted, and is bounded in size and in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.core.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from wsevents.core.send_budget import SendBudget
    from wsevents.core.websocket_frames import Message

CHUNK = 65536
"""Most that is written at once: the transport is asked for room in between."""
_GLANCE = 64
"""Queues that are flushed between two looks at the time."""
_log = Logger()


class Writer(Protocol):
    """Where a queue's bytes go: `writethrough.py`."""

    def write(self, data: bytes) -> None:
        """Send, in order and without a limit."""

    def taken(self) -> int:
        """Return how many bytes the peer's machine has acknowledged so far."""


class SendQueueOwner(Protocol):
    """Whose queue it is."""

    def fell_behind(self) -> None:
        """The transport is full."""

    def caught_up(self) -> None:
        """It has room again."""

    def too_slow(self, why: str) -> None:
        """What waited was dropped, because it was too much."""

    def abort(self) -> None:
        """Something of the stream is lost: it must not go on."""


@define(eq=False)
class Flusher:
    """Flushes every queue that something was put into, once, in the next reactor turn.

    Attributes:
        clock: makes the turns.
        backlog: what waits for those that are behind.
        now: the time in which events say when they were received.
        latency: from the bus to the kernel; one observation for each queue and turn that had events, and
            one for each queue that was behind, of the time from then until it had room again.
    """

    clock: IReactorTime
    budget: SendBudget
    now: Callable[[], float]
    latency: Histogram = field(init=False, factory=Histogram)
    _since: float = field(init=False, default=0.0)
    _full: int = field(init=False, default=0)
    _dirty: list[SendQueue] = field(init=False, factory=list)
    _call: IDelayedCall | None = field(init=False, default=None)

    def mark(self, outbound: SendQueue) -> None:
        """Have it flushed in the next turn."""
        self._dirty.append(outbound)
        if self._call is None:
            self._call = self.clock.callLater(0, self._flush)

    def carry(self, received: float) -> None:
        """Measure this turn from when its first event was taken from the bus."""
        if not self._since:
            self._since = received

    def skip(self) -> None:
        """A queue of this turn was not flushed, as it is behind."""
        self._full += 1

    def stop(self) -> None:
        """Flush now what is marked."""
        if self._call is not None:
            self._call.cancel()
            self._flush()

    def _flush(self) -> None:
        dirty, self._dirty, self._call = self._dirty, [], None
        since, self._since = self._since, 0.0
        for start in range(0, len(dirty), _GLANCE):
            some = dirty[start : start + _GLANCE]
            self._full = 0
            for outbound in some:
                try:
                    outbound.flush()
                except Exception:  # noqa: BLE001 one peer's broken transport is not another's
                    _log.failure("could not flush a peer")
                    outbound.owner.abort()
            if since and self._full < len(some):
                self.latency.observe(self.now() - since, len(some) - self._full)
        if self.budget.size > self.budget.limit:
            self.budget.relieve()


@implementer(IPushProducer)
@define(eq=False)
class SendQueue:
    """One peer's queue. It is the transport's producer, and so learns when the transport is full.

    Attributes:
        writer: takes the bytes.
        flusher: the server's.
        cap: so many bytes may wait while the transport is full; what comes on top of more ends the
            session. What the transport was not offered yet is no sign of a slow peer, however large.
        owner: hears what becomes of it, in a turn of its own.
        deflate: the peer takes events compressed.
        size, peak: bytes that wait, and most that ever did.
        events: how many were taken.
    """

    writer: Writer
    flusher: Flusher
    cap: int
    owner: SendQueueOwner
    deflate: bool = False
    size: int = 0
    peak: int = 0
    events: int = 0
    _pieces: list[bytes | memoryview] = field(factory=list)
    _begun: bool = False
    _marked: bool = False
    _full: bool = False
    _full_since: float = 0.0
    _over: bool = False
    _gone: bool = False

    def event(self, message: Message) -> None:
        """Queue an event, unless too much waits before it; the hot path, one call a peer and event."""
        data = message.deflated if self.deflate else message.plain
        if self._full:
            if self._takes():
                self.events += 1
                self._put(data)
            return
        self.events += 1
        self.size += len(data)
        self._pieces.append(data)
        if not self._marked:
            self._marked = True
            self.flusher.mark(self)

    def reply(self, data: bytes) -> None:
        """Queue a reply, unless too much waits before it."""
        if not self._full or self._takes():
            self._put(data)

    def insist(self, data: bytes) -> None:
        """Queue data that is never refused: what the WebSocket layer itself has to say."""
        if not self._gone:
            self._put(data)

    def _takes(self) -> bool:
        """Say whether one more is taken while the transport is full."""
        if self._gone:
            return False
        if self.size > self.cap:
            self._over = True
            self._mark()
        return not self._over

    def _put(self, data: bytes) -> None:
        if self._full:
            self.flusher.budget.hold(data)
        self.size += len(data)
        self._pieces.append(data)
        self._mark()

    def _mark(self) -> None:
        if not self._marked:
            self._marked = True
            self.flusher.mark(self)

    def flush(self) -> None:
        """Hand to the transport what waits, as far as it has room; the flusher's call."""
        self._marked = False
        if self._full or self._over or self.size > CHUNK:
            self._flush_slowly()
            return
        pieces = self._pieces
        if not pieces:
            return
        if self.size > self.peak:  # noqa: PLR1730 max() would be a call
            self.peak = self.size
        self.size = 0
        data = b"".join(pieces)  # without a copy if there is one only
        pieces.clear()
        self.writer.write(data)

    def _flush_slowly(self) -> None:
        if self._over:
            self._over = False
            self.give_up("its queue is over outbound.peer_bytes")
        if self._full:
            self.flusher.skip()
        else:
            self._write_some()

    def _write_some(self) -> None:
        """Write chunk by chunk until the transport is full."""
        self.peak = max(self.peak, self.size)
        while self._pieces and not self._full:
            self.writer.write(self._next_chunk())

    def _next_chunk(self) -> bytes:
        """Take as many messages as fit into a chunk, or a part of one that does not; its rest stays first."""
        pieces = self._pieces
        if len(pieces[0]) > CHUNK:
            begun = memoryview(pieces[0])
            pieces[0], self._begun = begun[CHUNK:], True
            self.size -= CHUNK
            return bytes(begun[:CHUNK])
        count, size = 1, len(pieces[0])
        while count < len(pieces) and size + len(pieces[count]) <= CHUNK:
            size += len(pieces[count])
            count += 1
        data = b"".join(pieces[:count])
        del pieces[:count]
        self.size -= size
        self._begun = False
        return data

    def finish(self) -> None:
        """Hand everything to the transport, whatever its room: the connection is about to close."""
        pieces = self._pieces
        if not pieces:
            return
        if self._full:
            self.flusher.budget.release(pieces)
        self.peak = max(self.peak, self.size)
        data = b"".join(pieces)
        self._forget()
        self.writer.write(data)

    def give_up(self, why: str) -> None:
        """Drop what waits, whole messages only, and tell the owner; the rest of one begun is kept."""
        self.peak = max(self.peak, self.size)
        dropped = self._pieces[self._begun :]
        if self._full and not self._gone:
            self.flusher.budget.release(dropped)
        del self._pieces[self._begun :]
        self.size -= sum(map(len, dropped))
        self.owner.too_slow(why)

    def _forget(self) -> None:
        self._pieces.clear()
        self.size, self._begun = 0, False

    @property
    def behind(self) -> bool:
        """Whether the transport is full, so that what is put in now is not under way."""
        return self._full

    def pauseProducing(self) -> None:
        """Keep what comes: the transport is full."""
        if not self._full:
            self._full = True
            self._full_since = self.flusher.now()
            self.flusher.budget.enter(self, self._pieces)
            self.owner.fell_behind()

    def resumeProducing(self) -> None:
        """Go on: the transport has room again."""
        if self._full and not self._gone:
            self._full = False
            if self._pieces:
                self.flusher.latency.observe(self.flusher.now() - self._full_since)
            self.flusher.budget.leave(self, self._pieces)
            self.owner.caught_up()
            self._write_some()

    def stopProducing(self) -> None:
        """Forget what waits: the connection is gone."""
        self.flusher.budget.leave(self, self._pieces)
        self.peak = max(self.peak, self.size)
        self._full = self._gone = True
        self._forget()
