"""The log level of this process. A reload may change it."""

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
        debug_enabled: True if the level is debug. Check this before a frequent debug message.
    """

    debug_enabled: bool = field(init=False, default=False)
    _level: Any = field(init=False, default=LogLevel.info)

    def set(self, name: str) -> None:
        """Log this level and higher levels from now on; `name` is in `wsevents.logs.record.LEVELS`."""
        self._level = LogLevel.levelWithName(name)
        self.debug_enabled = name == "debug"

    def passes(self, event: LogEvent) -> bool:
        """Return whether an event is logged; an event without a level counts as info."""
        return bool((event.get("log_level") or LogLevel.info) >= self._level)


LEVEL = Level()
"""The level of this process; global because the log is global."""
