"""From which level on things are said, in this process; it may change at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.logger import LogLevel

if TYPE_CHECKING:
    from twisted.logger import LogEvent


@define
class Level:
    """The lowest level that is logged.

    Attributes:
        debugs: it is that for debugging; to be asked before saying something often.
    """

    debugs: bool = field(init=False, default=False)
    _level: Any = field(init=False, default=LogLevel.info)

    def set(self, name: str) -> None:
        """Log this level and those above it from now on; `name` is one of `wsevents.logs.record.LEVELS`."""
        self._level = LogLevel.levelWithName(name)
        self.debugs = name == "debug"

    def passes(self, event: LogEvent) -> bool:
        """Say whether an event is worth a line."""
        return bool((event.get("log_level") or LogLevel.info) >= self._level)


LEVEL = Level()
"""That of this process, as its log is one too."""
