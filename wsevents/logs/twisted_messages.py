"""Replace log messages of Twisted that give an operator no remedy."""

from __future__ import annotations

import errno
import resource
from typing import TYPE_CHECKING

from twisted.logger import LogLevel

from wsevents.system.sockets import MORE_FILES

if TYPE_CHECKING:
    from twisted.logger import LogEvent

_TOO_MANY_FILES = "EMFILE encountered"
_RECOVERY = ("EMFILE recovery", "Re-reserving EMFILE")
_NOT_ACCEPTED = "Could not accept new connection"
TOO_MANY_FILES = (
    "too many open files (the limit is {limit}): new connections are closed, existing ones are not affected; "
    + MORE_FILES
)


def translate(event: LogEvent) -> LogEvent | None:
    """Return the event to log instead of this one: the same, another one, or None to log nothing."""
    text = event.get("log_format") or ""
    if text.startswith(_RECOVERY):
        return None
    no_descriptor = event.get("acceptError") == errno.errorcode[errno.EMFILE]
    not_accepted = text.startswith(_NOT_ACCEPTED) and no_descriptor
    if not not_accepted and not text.startswith(_TOO_MANY_FILES):
        return event
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "log_level": LogLevel.error,
        "log_namespace": "wsevents.connections.listeners",
        "log_time": event.get("log_time"),
        "log_format": TOO_MANY_FILES,
        "limit": limit,
    }
