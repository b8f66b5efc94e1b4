"""What Twisted's logger tells, into lines: levels, our own words for some, and no line twice in a minute."""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogLevel, formatEvent
from zope.interface import implementer

from wsevents.logs.deduplication import Deduplicator
from wsevents.logs.level import LEVEL, Level
from wsevents.logs.record import LogLine, fields_of
from wsevents.logs.redaction import redacted_traceback, safe_location
from wsevents.logs.twisted_messages import in_plain_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.logger import LogEvent

LOOK_SECONDS = 5.0
"""How often it is seen to that what was counted is told."""


@implementer(ILogObserver)
@define(eq=False)
class LogObserver:
    """Observes the log of this process. Any thread may log.

    Attributes:
        write: called with each line; must not log.
        threshold: what is let through.
        seconds: a clock that only goes forward.
    """

    write: Callable[[LogLine], None]
    level: Level = LEVEL
    seconds: Callable[[], float] = time.monotonic
    _deduplicator: Deduplicator = field(init=False, factory=Deduplicator)
    _deduplicating: bool = field(init=False, default=False)
    _lock: Any = field(init=False, factory=RLock)
    _looking: LoopingCall | None = field(init=False, default=None)

    def __call__(self, event: LogEvent) -> None:
        """Take note of an event; one with `over` set says that its logger's trouble is."""
        if not self.level.passes(event):
            return
        translated = in_plain_words(event)
        if translated is None:
            return
        failure = translated.get("log_failure")
        line = line_of(translated)
        with self._lock:
            self._look()
            if translated.get("over"):
                self._recount(self._deduplicator.over(line, self.seconds()))
            if translated.get("folded") or self._takes(
                line, "" if failure is None else safe_location(failure)
            ):
                self.write(line if failure is None else evolve(line, trace=redacted_traceback(failure)))

    def _takes(self, line: LogLine, place: str) -> bool:
        return not self._deduplicating or self._deduplicator.takes(line, place, self.seconds())

    def _look(self) -> None:
        with self._lock:
            self._recount(self._deduplicator.due(self.seconds()))

    def _recount(self, lines: list[LogLine]) -> None:
        for line in lines:
            self.write(evolve(line, time=time.time()))

    def attend(self, reactor: Any) -> None:
        """Fold lines while the reactor runs; what was counted is told in time, at the latest at its end."""
        reactor.callWhenRunning(self._begin, reactor)
        reactor.addSystemEventTrigger("after", "shutdown", self._end)

    def _begin(self, reactor: Any) -> None:
        self._deduplicating = True
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._looking.start(LOOK_SECONDS, now=False)

    def _end(self) -> None:
        self._deduplicating = False
        if self._looking is not None:
            self._looking.stop()
        with self._lock:
            self._recount(self._deduplicator.rest(self.seconds()))


def line_of(event: LogEvent) -> LogLine:
    """Return the line of an event, without its traceback."""
    line = event.get("line")
    if isinstance(line, LogLine):  # it came from a worker
        return line
    level = event.get("log_level") or LogLevel.info
    return LogLine(
        event.get("log_time"),
        level.name,
        event.get("log_system") or event.get("log_namespace") or "-",
        formatEvent(event),
        fields_of(event),
    )
