"""Encode a worker's log line for the pipe to the supervisor, which writes the log of all processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from wsevents.logs.record import LEVELS, LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode(line: LogLine) -> bytes:
    """Return a line as JSON in ASCII, terminated by its only newline."""
    record = {
        "time": line.time,
        "level": line.level,
        "logger": line.logger,
        "text": line.text,
        "fields": dict(line.fields),
        "trace": line.trace,
    }
    return json.dumps(record).encode("ascii") + b"\n"


def decode(data: bytes, logger: str, worker: int) -> LogLine:
    """Return the line that a worker wrote.

    Data that `encode` did not write, such as a fatal error of the interpreter, becomes a warning of `logger`.
    """
    try:
        line = _line(json.loads(data), worker)
        if line.level in LEVELS:
            return line
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return LogLine(None, "warn", logger, data.decode("utf-8", "replace").rstrip(), worker=worker)


def _line(record: Mapping[str, Any], worker: int) -> LogLine:
    """Return the line of a decoded record. Raises KeyError, TypeError, ValueError."""
    return LogLine(
        record["time"],
        record["level"],
        record["logger"],
        record["text"],
        dict(record["fields"]),
        record["trace"],
        worker,
    )


@define
class Splitter:
    """Splits a stream of bytes into lines."""

    _rest: bytes = field(init=False, default=b"")

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that this data completes, without newlines; skip blank lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line for line in lines if line.strip()]

    def rest(self) -> list[bytes]:
        """Return the last line if it has no newline; call this at the end of the stream."""
        return self.feed(b"\n")
