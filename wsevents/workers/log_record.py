"""A line of the log on its way from a worker to the supervisor, which puts it into the one log there is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from wsevents.logs.record import LEVELS, LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(line: LogLine) -> bytes:
    """Return a line as bytes that end with their only newline."""
    said = {
        "time": line.time,
        "level": line.level,
        "who": line.who,
        "text": line.text,
        "fields": dict(line.fields),
        "trace": line.trace,
    }
    return json.dumps(said).encode("ascii") + b"\n"


def decode(data: bytes, who: str, worker: int) -> LogLine:
    """Return the line of a worker that is in the bytes.

    What was not written by `encode`, such as the interpreter's last words, is a warning of `who`.
    """
    try:
        line = _line(json.loads(data), worker)
        if line.level in LEVELS:
            return line
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return LogLine(None, "warn", who, data.decode("utf-8", "replace").rstrip(), worker=worker)


def _line(said: Mapping[str, Any], worker: int) -> LogLine:
    """Return the line of what `encode` has said. Raises KeyError, TypeError, ValueError."""
    return LogLine(
        said["time"], said["level"], said["who"], said["text"], dict(said["fields"]), said["trace"], worker
    )


@define
class Splitter:
    """Bytes as they come, into lines."""

    _rest: bytes = field(init=False, default=b"")

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their newlines; blank ones are left out."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line for line in lines if line.strip()]

    def rest(self) -> list[bytes]:
        """Return what was left unfinished at the end."""
        return self.feed(b"\n")
