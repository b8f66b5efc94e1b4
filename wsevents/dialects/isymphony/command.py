"""The commands of an iSymphony client. There is one: `filter`."""

from __future__ import annotations

from math import isfinite
from typing import Any

from attrs import frozen

from wsevents.api.strict_json import parse_object
from wsevents.dialects.isymphony.filters import Filters, compile_filters, text

CORRELATION_MAX = 1024
"""Characters of a correlation id, at most, because the reply repeats it."""


class FilterCommandError(Exception):
    """A message is invalid. The text names the problem, for the client.

    Attributes:
        correlation: the correlation id of the message, or None if it has no valid one.
    """

    def __init__(self, why: str, correlation: Any = None) -> None:
        super().__init__(why)
        self.correlation = correlation


@frozen
class SetFilters:
    """Replace all filters.

    Attributes:
        filters: the new filters.
        correlation: the correlation id, which the reply repeats.
    """

    filters: Filters
    correlation: Any = None


def decode(message: str | bytes) -> SetFilters:
    """Return the command in a message from the client.

    Raises:
        FilterCommandError: the message is not a valid command.
    """
    if isinstance(message, bytes):
        raise FilterCommandError("a message must be text")
    try:
        fields = parse_object(message)
    except ValueError:
        raise FilterCommandError("a message must be a JSON object") from None
    correlation = _correlation(fields.get("correlationId"))
    if fields.get("type") != "filter":
        raise FilterCommandError("the type must be filter", correlation)
    filters = fields.get("filters")
    if not isinstance(filters, list):
        raise FilterCommandError("filters must be a list", correlation)
    pairs = [_pair(one) for one in filters]
    if None in pairs:
        raise FilterCommandError(
            "each filter must be an object with the texts property and value", correlation
        )
    return SetFilters(compile_filters(pair for pair in pairs if pair), correlation)


def _correlation(value: Any) -> Any:
    """Return a correlation id if it is valid: text, a number, true, false or null."""
    if isinstance(value, dict | list) or (isinstance(value, float) and not isfinite(value)):
        raise FilterCommandError("the correlationId must be text, a number, true, false or null")
    if isinstance(value, str) and len(value) > CORRELATION_MAX:
        raise FilterCommandError(f"the correlationId must not be longer than {CORRELATION_MAX} characters")
    return value


def _pair(one: Any) -> tuple[str, str] | None:
    """Return property and value of a filter, numbers and booleans as text; None: it is invalid."""
    if not isinstance(one, dict):
        return None
    name, value = one.get("property"), one.get("value")
    if not isinstance(name, str) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return name, text(value)
