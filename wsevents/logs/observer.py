"""Observe Twisted's log events: filter them by level, translate some, deduplicate them, and write lines."""

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
from wsevents.logs.twisted_messages import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.logger import LogEvent

DUE_SECONDS = 5.0
"""Interval at which the lines of ended deduplication windows are written."""


@implementer(ILogObserver)
@define(eq=False)
class LogObserver:
    """The log observer of this process. It can be called from any thread.

    Two keys of an event are special. `over`: the event reports that the problem of its logger is resolved.
    `folded`: the event is written without deduplication.

    Attributes:
        write: called with each line; must not log.
        level: the lowest level that is logged.
        seconds: a monotonic clock.
    """

    write: Callable[[LogLine], None]
    level: Level = LEVEL
    seconds: Callable[[], float] = time.monotonic
    _deduplicator: Deduplicator = field(init=False, factory=Deduplicator)
    _deduplicating: bool = field(init=False, default=False)
    _lock: Any = field(init=False, factory=RLock)
    _timer: LoopingCall | None = field(init=False, default=None)

    def __call__(self, event: LogEvent) -> None:
        if not self.level.passes(event):
            return
        translated = translate(event)
        if translated is None:
            return
        failure = translated.get("log_failure")
        line = line_of(translated)
        with self._lock:
            self._write_due()
            if translated.get("over"):
                self._write_counts(self._deduplicator.resolved(line, self.seconds()))
            if translated.get("folded") or self._admits(
                line, "" if failure is None else safe_location(failure)
            ):
                self.write(line if failure is None else evolve(line, trace=redacted_traceback(failure)))

    def _admits(self, line: LogLine, location: str) -> bool:
        return not self._deduplicating or self._deduplicator.admits(line, location, self.seconds())

    def _write_due(self) -> None:
        with self._lock:
            self._write_counts(self._deduplicator.due(self.seconds()))

    def _write_counts(self, lines: list[LogLine]) -> None:
        for line in lines:
            self.write(evolve(line, time=time.time()))

    def attach(self, reactor: Any) -> None:
        """Deduplicate lines while the reactor runs; write the remaining counts when it stops."""
        reactor.callWhenRunning(self._begin, reactor)
        reactor.addSystemEventTrigger("after", "shutdown", self._end)

    def _begin(self, reactor: Any) -> None:
        self._deduplicating = True
        self._timer = LoopingCall(self._write_due)
        self._timer.clock = reactor
        self._timer.start(DUE_SECONDS, now=False)

    def _end(self) -> None:
        self._deduplicating = False
        if self._timer is not None:
            self._timer.stop()
        with self._lock:
            self._write_counts(self._deduplicator.rest(self.seconds()))


def line_of(event: LogEvent) -> LogLine:
    """Return the line of an event, without its traceback."""
    line = event.get("line")
    if isinstance(line, LogLine):  # from a worker
        return line
    level = event.get("log_level") or LogLevel.info
    return LogLine(
        event.get("log_time"),
        level.name,
        event.get("log_system") or event.get("log_namespace") or "-",
        formatEvent(event),
        fields_of(event),
    )
