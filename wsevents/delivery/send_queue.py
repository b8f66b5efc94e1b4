"""Send queues: one bounded queue per peer, and one flush of all queues per reactor turn.

All data for a peer goes through its queue (replies, events, pongs, close frames), so the order on the wire is
the order of the queue. A peer whose transport is full is *behind*: its queue is not flushed, its size counts
in the send budget, and its size and duration are limited.
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
"""Most bytes per write; between two writes the transport can report that it is full."""
_BATCH = 64
"""Queues that are flushed between two readings of the clock."""
_log = Logger()


class Writer(Protocol):
    """The destination of a queue's bytes; see `wsevents.delivery.writers`."""

    def write(self, data: bytes) -> None:
        """Send all bytes, in order; bytes that the socket does not accept are buffered."""

    def taken(self) -> int:
        """Return the number of bytes that the peer's host has acknowledged so far."""


class SendQueueOwner(Protocol):
    """The connection that a queue belongs to."""

    def fell_behind(self) -> None:
        """The transport is full."""

    def caught_up(self) -> None:
        """The transport has room again."""

    def too_slow(self, why: str) -> None:
        """The queue dropped its messages because a limit was reached; end the session."""

    def abort(self) -> None:
        """A write failed, so the stream may be incomplete; close the connection."""


@define(eq=False)
class Flusher:
    """Flushes each queue with new data once, in the next reactor turn.

    Attributes:
        clock: the reactor.
        budget: the queues that are behind, and their limit in total.
        now: the clock of `Event.received`, seconds since the epoch.
        latency: seconds from the bus to the socket: one observation per flushed queue and turn. For a queue
            that was behind: one observation of the time until its transport had room again.
    """

    clock: IReactorTime
    budget: SendBudget
    now: Callable[[], float]
    latency: Histogram = field(init=False, factory=Histogram)
    _since: float = field(init=False, default=0.0)
    _full: int = field(init=False, default=0)
    _dirty: list[SendQueue] = field(init=False, factory=list)
    _call: IDelayedCall | None = field(init=False, default=None)

    def mark(self, queue: SendQueue) -> None:
        """Schedule a queue for the next flush. The queue calls it once per flush."""
        self._dirty.append(queue)
        if self._call is None:
            self._call = self.clock.callLater(0, self._flush)

    def note_received(self, received: float) -> None:
        """Note the reception time of an event; the latency of a turn is measured from its first event."""
        if not self._since:
            self._since = received

    def skip(self) -> None:
        """Leave a queue that is behind out of the latency of this turn."""
        self._full += 1

    def stop(self) -> None:
        """Flush all scheduled queues at once."""
        if self._call is not None:
            self._call.cancel()
            self._flush()

    def _flush(self) -> None:
        dirty, self._dirty, self._call = self._dirty, [], None
        since, self._since = self._since, 0.0
        for start in range(0, len(dirty), _BATCH):
            batch = dirty[start : start + _BATCH]
            self._full = 0
            for queue in batch:
                try:
                    queue.flush()
                except Exception:  # noqa: BLE001 an error of one transport must not affect other peers
                    _log.failure("flushing the queue of a peer failed")
                    queue.owner.abort()
            if since and self._full < len(batch):
                self.latency.observe(self.now() - since, len(batch) - self._full)
        if self.budget.size > self.budget.limit:
            self.budget.relieve()


@implementer(IPushProducer)
@define(eq=False)
class SendQueue:
    """The send queue of one peer. It is the producer of the transport, which reports when it is full.

    Attributes:
        writer: writes the bytes.
        flusher: flushes the queue in the next reactor turn.
        cap: most bytes that may wait while the transport is full; a message above this limit ends the
        session.
            Data that was not yet passed to the transport does not show that a peer is slow, so it is not
            limited.
        owner: the connection, informed about the state of the queue.
        deflate: the peer receives events compressed.
        size: bytes that wait.
        peak: largest size so far.
        events: number of accepted events.
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
    _over_cap: bool = False
    _closed: bool = False

    def event(self, message: Message) -> None:
        """Queue an event, or drop it if the limit is reached. Hot path: one call per peer and event."""
        data = message.deflated if self.deflate else message.plain
        if self._full:
            if self._accepts():
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
        """Queue a reply, or drop it if the limit is reached."""
        if not self._full or self._accepts():
            self._put(data)

    def send_control(self, data: bytes) -> None:
        """Queue a control frame; the limit does not apply."""
        if not self._closed:
            self._put(data)

    def _accepts(self) -> bool:
        """Return whether the queue of a full transport accepts one more message; if not, end the session."""
        if self._closed:
            return False
        if self.size > self.cap:
            self._over_cap = True
            self._mark()
        return not self._over_cap

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
        """Write the queue to the transport, as far as it has room. Only the flusher calls it."""
        self._marked = False
        if self._full or self._over_cap or self.size > CHUNK:
            self._flush_slowly()
            return
        pieces = self._pieces
        if not pieces:
            return
        if self.size > self.peak:  # noqa: PLR1730 max() would be a call
            self.peak = self.size
        self.size = 0
        data = b"".join(pieces)  # does not copy a single piece
        pieces.clear()
        self.writer.write(data)

    def _flush_slowly(self) -> None:
        if self._over_cap:
            self._over_cap = False
            self.give_up("its queue is over outbound.peer_bytes")
        if self._full:
            self.flusher.skip()
        else:
            self._write_some()

    def _write_some(self) -> None:
        """Write chunks until the transport is full or the queue is empty."""
        self.peak = max(self.peak, self.size)
        while self._pieces and not self._full:
            self.writer.write(self._next_chunk())

    def _next_chunk(self) -> bytes:
        """Remove as many messages as fit into a chunk, or the first `CHUNK` bytes of a longer one."""
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
        """Write everything to the transport, even if it is full, because the connection closes next."""
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
        """Drop the queued messages and inform the owner; the rest of a partly written message is kept."""
        self.peak = max(self.peak, self.size)
        dropped = self._pieces[self._begun :]
        if self._full and not self._closed:
            self.flusher.budget.release(dropped)
        del self._pieces[self._begun :]
        self.size -= sum(map(len, dropped))
        self.owner.too_slow(why)

    def _forget(self) -> None:
        self._pieces.clear()
        self.size, self._begun = 0, False

    @property
    def behind(self) -> bool:
        """Whether the transport is full, so that new data waits in the queue."""
        return self._full

    def pauseProducing(self) -> None:
        """Stop writing: the transport is full."""
        if not self._full:
            self._full = True
            self._full_since = self.flusher.now()
            self.flusher.budget.enter(self, self._pieces)
            self.owner.fell_behind()

    def resumeProducing(self) -> None:
        """Write again: the transport has room."""
        if self._full and not self._closed:
            self._full = False
            if self._pieces:
                self.flusher.latency.observe(self.flusher.now() - self._full_since)
            self.flusher.budget.leave(self, self._pieces)
            self.owner.caught_up()
            self._write_some()

    def stopProducing(self) -> None:
        """Drop the queue: the connection is closed."""
        self.flusher.budget.leave(self, self._pieces)
        self.peak = max(self.peak, self.size)
        self._full = self._closed = True
        self._forget()
