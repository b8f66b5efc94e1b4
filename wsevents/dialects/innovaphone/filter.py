"""The filter of a subscription: which values the properties of an event must have."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.dialects.innovaphone.message import AppMessageError

PROPERTIES = 32
"""Properties of a filter, at most."""
CHOICES = 100
"""Permitted values of one property, at most."""
CHARACTERS = 4096
"""Characters of the JSON text of a filter, at most."""

Value = tuple[str, Any]
"""A JSON value with its type. In JSON, true and 1 are different; in Python they are equal."""

_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    type(None): "null",
}


def _value(value: Any) -> Value | None:
    """Return a value in the form that filters compare, or None for a list or an object."""
    kind = _KINDS.get(type(value))
    return None if kind is None else (kind, value)


@frozen(cache_hash=True)
class Filter:
    """A condition on events: each of these properties has one of its permitted values.

    Attributes:
        wanted: names of properties, sorted, each with its permitted values.
    """

    wanted: tuple[tuple[str, frozenset[Value]], ...] = ()

    def matches(self, data: dict[str, Any], body: dict[str, Any]) -> bool:
        """Say whether an event matches.

        Args:
            data: the part of the body that the app gets; properties are looked up in it first.
            body: the whole body; a property that `data` lacks is looked up in it.
        """
        return all(
            value is not None and value in choices
            for name, choices in self.wanted
            for value in (_found(name, data) or _found(name, body),)
        )


def _found(name: str, fields: dict[str, Any]) -> Value | None:
    """Return a property; "a.b" is also the member b of a. None: it is missing, a list or an object."""
    if name in fields:
        return _value(fields[name])
    inside: Any = fields
    for step in name.split("."):
        if not isinstance(inside, dict) or step not in inside:
            return None
        inside = inside[step]
    return _value(inside)


def make_filter(given: Any) -> Filter:
    """Return the filter in a message.

    Args:
        given: the decoded JSON value; None: a filter that matches every event.

    Raises:
        AppMessageError: the value is not a valid filter.
    """
    if given is None:
        return Filter()
    if not isinstance(given, dict):
        raise AppMessageError("filter is not an object")
    if len(given) > PROPERTIES:
        raise AppMessageError(f"filter has more than {PROPERTIES} properties")
    return Filter(tuple(sorted((name, _choices(value)) for name, value in given.items())))


def _choices(given: Any) -> frozenset[Value]:
    several = given if isinstance(given, list) else [given]
    if not several or len(several) > CHOICES:
        raise AppMessageError(f"a property of filter has no value, or more than {CHOICES}")
    choices = [_value(one) for one in several]
    if None in choices:
        raise AppMessageError(
            "a value of filter is neither string, number, boolean nor null, nor a list of these"
        )
    return frozenset(one for one in choices if one is not None)
