"""Points in time, as tokens, access keys and the configuration write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

_FOREVER = 1e12
"""Seconds: no time of any use is as far off, and no number that is none is less."""


def moment(value: object) -> float | None:
    """Return a time in seconds since the epoch, or None if the value is none.

    Args:
        value: ISO 8601 text (UTC unless it says otherwise), seconds since the epoch, or a date of YAML.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _FOREVER:
            return float(value)
    except (ValueError, OverflowError):
        pass
    return None


def stamp(seconds: float) -> str:
    """Return a time as frames have it: ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
