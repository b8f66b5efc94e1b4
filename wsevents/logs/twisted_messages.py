"""What Twisted says in words of its own, for an operator."""

from __future__ import annotations

import errno
import resource
from typing import TYPE_CHECKING

from twisted.logger import LogLevel

from wsevents.system.sockets import MORE_FILES

if TYPE_CHECKING:
    from twisted.logger import LogEvent

_CUT_OFF = "EMFILE encountered"
_RECOVERY = ("EMFILE recovery", "Re-reserving EMFILE")
_NOT_ACCEPTED = "Could not accept new connection"
TOO_MANY_FILES = (
    "too many open files (the limit is {limit}): newcomers are cut off, those who are connected stay; "
    + MORE_FILES
)


def in_plain_words(event: LogEvent) -> LogEvent | None:
    """Return the event as it is to be told, or None: it says nothing new."""
    said = event.get("log_format") or ""
    if said.startswith(_RECOVERY):
        return None
    refused = said.startswith(_NOT_ACCEPTED) and event.get("acceptError") == errno.errorcode[errno.EMFILE]
    if not refused and not said.startswith(_CUT_OFF):
        return event
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "log_level": LogLevel.error,
        "log_namespace": "wsevents.connections.listeners",
        "log_time": event.get("log_time"),
        "log_format": TOO_MANY_FILES,
        "limit": limit,
    }
