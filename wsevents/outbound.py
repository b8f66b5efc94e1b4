"""What waits to be sent: one bounded queue a peer, one flush a reactor turn for the whole server.

Everything that a peer is sent goes through its queue (replies, events, pongs, close frames), so
the order on the wire is the order of the queue. A queue whose transport is full waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

_log = Logger()


@define(eq=False)
class Flusher:
    """Flushes every queue that something was put into, once, in the next reactor turn."""

    clock: IReactorTime
    _dirty: list[Outbound] = field(init=False, factory=list)
    _call: IDelayedCall | None = field(init=False, default=None)

    def mark(self, outbound: Outbound) -> None:
        """Have it flushed in the next turn."""
        self._dirty.append(outbound)
        if self._call is None:
            self._call = self.clock.callLater(0, self._flush)

    def stop(self) -> None:
        """Flush now what is marked."""
        if self._call is not None:
            self._call.cancel()
            self._flush()

    def _flush(self) -> None:
        dirty, self._dirty, self._call = self._dirty, [], None
        for outbound in dirty:
            try:
                outbound.flush()
            except Exception:  # noqa: BLE001 one peer's broken transport is not another's
                _log.failure("could not flush a peer")


@implementer(IPushProducer)
@define(eq=False)
class Outbound:
    """One peer's queue. It is the transport's producer, and so learns when the transport is full.

    Attributes:
        transport: takes the bytes.
        flusher: the server's.
        cap: so many bytes may wait while the transport is full; what comes on top of more is refused.
            What the transport was not offered yet is no sign of a slow peer, however large.
        overflowed: called in a turn of its own, once, when something was refused.
        size, peak: bytes that wait, and most that ever did.
    """

    transport: Any
    flusher: Flusher
    cap: int
    overflowed: Callable[[], None]
    size: int = 0
    peak: int = 0
    _pieces: list[bytes] = field(factory=list)
    _marked: bool = False
    _full: bool = False
    _over: bool = False

    def put(self, data: bytes) -> bool:
        """Queue data that may be refused: events and replies. Say whether it was taken."""
        if self._full and self.size > self.cap:
            self._over = True
            self._mark()
            return False
        self.insist(data)
        return True

    def insist(self, data: bytes) -> None:
        """Queue data that is never refused: what the WebSocket layer itself has to say."""
        self._pieces.append(data)
        self.size += len(data)
        self._mark()

    def _mark(self) -> None:
        if not self._marked:
            self._marked = True
            self.flusher.mark(self)

    def flush(self) -> None:
        """Hand to the transport what waits, if it has room; the flusher's call."""
        self._marked = False
        if self._over:
            self._over = False
            self.overflowed()
        if not self._full:
            self.finish()

    def finish(self) -> None:
        """Hand everything to the transport, whatever its room: the connection is about to close."""
        self.peak = max(self.peak, self.size)
        if self._pieces:
            pieces, self._pieces, self.size = self._pieces, [], 0
            self.transport.write(b"".join(pieces))

    def discard(self) -> None:
        """Forget what waits; every piece is whole frames, so the stream stays sound."""
        self.peak = max(self.peak, self.size)
        self._pieces, self.size = [], 0

    def pauseProducing(self) -> None:
        """Keep what comes: the transport is full."""
        self._full = True

    def resumeProducing(self) -> None:
        """Go on: the transport has room again."""
        self._full = False
        self.finish()

    def stopProducing(self) -> None:
        """Forget what waits: the connection is gone."""
        self._full = True
        self.discard()
