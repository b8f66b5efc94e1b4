"""A log line, and its text and JSON formats."""

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

FieldValue = str | int | float | bool | None
"""The value of a field: a scalar of JSON."""

LEVELS = ("debug", "info", "warn", "error", "critical")
"""The names of the levels in Twisted's logger, lowest first."""

PRIORITY = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""The priority of each level in syslog(3)."""


@frozen
class LogLine:
    """A line of the log.

    Attributes:
        time: seconds since 1970, or None if unknown.
        level: a name in `LEVELS`.
        logger: the namespace of the logger; `who` in JSON.
        text: the message.
        fields: the values that the message contains, by name; for programs.
        trace: a traceback, or "".
        worker: the number of the worker process that logged the line, or None for this process.
    """

    time: float | None
    level: str
    logger: str
    text: str
    fields: Mapping[str, FieldValue] = field(factory=dict)
    trace: str = ""
    worker: int | None = None


@lru_cache(256)
def _names(text: str) -> frozenset[str]:
    """Return the fields of a format string that are plain names, without attributes and indexes."""
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name and name.isidentifier())
    except ValueError:
        return frozenset()


def fields_of(event: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Return the fields of an event that its text names and that JSON can hold.

    Other fields are omitted: only the fields in the text were reviewed for secrets. The text "-" means no
    value and becomes None. Numbers are rounded to three decimals.
    """
    named = {name for name in _names(event.get("log_format") or "") if not name.startswith("log_")}
    return {
        name: _normalized(event[name])
        for name in sorted(named & event.keys())
        if _is_field_value(event[name])
    }


def _is_field_value(value: object) -> bool:
    return value is None or type(value) in {str, int, bool} or (type(value) is float and isfinite(value))


def _normalized(value: Any) -> FieldValue:
    if isinstance(value, str):
        value = value.strip()
        return None if value == "-" else value
    return round(value, 3) if isinstance(value, float) else value


def as_text(line: LogLine) -> str:
    """Return the text format, without the time and the last newline; continuation lines are indented."""
    prefix = "" if line.worker is None else f"worker {line.worker}: "
    text = f"{line.text}\n{line.trace}" if line.trace else line.text
    escaped = "\n\t".join(_escaped(one) for one in text.rstrip().split("\n"))
    return f"[{line.logger}#{line.level}] {prefix}{escaped}"


def _escaped(text: str) -> str:
    """Escape all unprintable characters except tabs, such as control characters and line separators."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in text)


def as_json(line: LogLine) -> str:
    """Return the JSON format: one object in ASCII, without a newline; the time is UTC with milliseconds."""
    record: dict[str, FieldValue] = {
        "time": None if line.time is None else _time(line.time),
        "level": line.level,
        "who": line.logger,
        "text": line.text,
    }
    if line.trace:
        record["trace"] = line.trace
    if line.worker is not None:
        record["worker"] = line.worker
    return json.dumps(record | {name: value for name, value in line.fields.items() if name not in record})


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
