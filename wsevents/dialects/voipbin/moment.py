"""Points in time in tokens, access keys, the configuration and frames. Seconds are since the Unix epoch."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

_MAX_SECONDS = 1e12
"""Larger numbers are not a time in seconds; `datetime` cannot represent them."""


def moment(value: object) -> float | None:
    """Return a time in seconds, or None if the value is not a time.

    Args:
        value: ISO 8601 text (UTC if it has no offset), seconds, or a date or datetime from YAML.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_SECONDS:
            return float(value)
    except (ValueError, OverflowError):
        pass
    return None


def stamp(seconds: float) -> str:
    """Return a time in the format of frames: ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
