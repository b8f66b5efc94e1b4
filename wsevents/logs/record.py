"""A line of the log, and how it looks to people and to programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from string import Formatter
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

Plain = str | int | float | bool | None
"""What a field may be: a value that JSON has."""

LEVELS = ("debug", "info", "warn", "error", "critical")
"""The names that Twisted's logger has for them, lowest first."""

PRIORITY = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""What syslog(3) calls them."""


@frozen
class LogLine:
    """Something that was said.

    Attributes:
        time: when, in seconds since 1970; None: it is not known.
        level: its name, as in the log.
        who: the namespace of the logger.
        text: for people.
        fields: what stands in the text, by its name, for programs.
        trace: the traceback that belongs to it, or "".
        worker: the number of the worker process that said it; None: this process did.
    """

    time: float | None
    level: str
    who: str
    text: str
    fields: Mapping[str, Plain] = field(factory=dict)
    trace: str = ""
    worker: int | None = None


@lru_cache(256)
def _names(text: str) -> frozenset[str]:
    """Return what a format names in so many words."""
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name and name.isidentifier())
    except ValueError:
        return frozenset()


def fields_of(event: Mapping[str, Any]) -> dict[str, Plain]:
    """Return what the text of an event names and JSON can hold.

    Nothing else of the event is for the log: what is not in the text nobody has looked at for secrets.
    A text that is only a dash stands for nothing.
    """
    named = {name for name in _names(event.get("log_format") or "") if not name.startswith("log_")}
    return {name: _plain(event[name]) for name in sorted(named & event.keys()) if _is_plain(event[name])}


def _is_plain(value: object) -> bool:
    return value is None or type(value) in {str, int, bool} or (type(value) is float and isfinite(value))


def _plain(value: Any) -> Plain:
    if isinstance(value, str):
        value = value.strip()
        return None if value == "-" else value
    return round(value, 3) if isinstance(value, float) else value


def as_text(line: LogLine) -> str:
    """Return what people read, without time and last newline; the lines after the first are indented."""
    who = "" if line.worker is None else f"worker {line.worker}: "
    whole = f"{line.text}\n{line.trace}" if line.trace else line.text
    return f"[{line.who}#{line.level}] {who}" + "\n\t".join(_shown(one) for one in whole.rstrip().split("\n"))


def _shown(text: str) -> str:
    """Return a text in which nothing moves the cursor or begins another line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in text)


def as_json(line: LogLine) -> str:
    """Return one object in ASCII, without newline; the time is UTC, to the millisecond."""
    said: dict[str, Plain] = {
        "time": None if line.time is None else _time(line.time),
        "level": line.level,
        "who": line.who,
        "text": line.text,
    }
    if line.trace:
        said["trace"] = line.trace
    if line.worker is not None:
        said["worker"] = line.worker
    return json.dumps(said | {name: value for name, value in line.fields.items() if name not in said})


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
