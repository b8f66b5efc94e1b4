"""What an iSymphony peer may say: one message, `filter`."""

from __future__ import annotations

from math import isfinite
from typing import Any

from attrs import frozen

from wsevents.api.strict_json import parse_object
from wsevents.dialects.isymphony.filters import Filters, compiled, text

CORRELATION_MAX = 1024
"""Characters that a correlation id may have: it is sent back."""


class FilterCommandError(Exception):
    """What is wrong with a message.

    Attributes:
        correlation: its correlation id, if that could be read.
    """

    def __init__(self, why: str, correlation: Any = None) -> None:
        super().__init__(why)
        self.correlation = correlation


@frozen
class SetFilters:
    """From now on these, whatever there was before."""

    filters: Filters
    correlation: Any = None


def decode(message: str | bytes) -> SetFilters:
    """Return what a peer asks for.

    Raises:
        Mistake: it is nothing that the protocol has; the text is for the peer.
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
    return SetFilters(compiled(pair for pair in pairs if pair), correlation)


def _correlation(value: Any) -> Any:
    """Return what is sent back: text, a number, true, false or null."""
    if isinstance(value, dict | list) or (isinstance(value, float) and not isfinite(value)):
        raise FilterCommandError("the correlationId must be text, a number, true, false or null")
    if isinstance(value, str) and len(value) > CORRELATION_MAX:
        raise FilterCommandError(f"the correlationId must not be longer than {CORRELATION_MAX} characters")
    return value


def _pair(one: Any) -> tuple[str, str] | None:
    """Return property and value of one filter; a number or a truth value stands for its text."""
    if not isinstance(one, dict):
        return None
    name, value = one.get("property"), one.get("value")
    if not isinstance(name, str) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return name, text(value)
