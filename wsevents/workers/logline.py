"""A line of the log on its way from a worker to the supervisor, which puts it into the one log there is."""

from __future__ import annotations

import json

from attrs import define, field, frozen

LEVELS = ("debug", "info", "warn", "error", "critical")
"""The names that Twisted's logger has for them."""


@frozen
class LogLine:
    """Something that was said.

    Attributes:
        time: when, in seconds since 1970; None: it is not known.
        level: its name, as in the log.
        who: the namespace of the logger.
        text: with its traceback, if it has one.
    """

    time: float | None
    level: str
    who: str
    text: str


def encode(line: LogLine) -> bytes:
    """Return a line as bytes that end with their only newline."""
    said = {"time": line.time, "level": line.level, "who": line.who, "text": line.text}
    return json.dumps(said).encode("ascii") + b"\n"


def decode(data: bytes, who: str) -> LogLine:
    """Return the line that is in the bytes.

    What was not written by `encode`, such as the interpreter's last words, is a warning of `who`.
    """
    try:
        said = json.loads(data)
        line = LogLine(said["time"], said["level"], said["who"], said["text"])
        if line.level in LEVELS:
            return line
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return LogLine(None, "warn", who, data.decode("utf-8", "replace").rstrip())


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
