"""The filter of a subscription: values that properties of an event must have. Pure."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.dialects.innovaphone.message import AppMessageError

PROPERTIES = 32
"""That one filter may name."""
CHOICES = 100
"""Values that one property may be given to choose from."""
CHARACTERS = 4096
"""Of JSON text that one filter may have."""

Value = tuple[str, Any]
"""A JSON value with its kind: in JSON, true is not 1, but 1 is 1.0."""

_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    type(None): "null",
}


def _value(value: Any) -> Value | None:
    """Return a value for comparison, or None if it is a list or an object."""
    kind = _KINDS.get(type(value))
    return None if kind is None else (kind, value)


@frozen(cache_hash=True)
class Filter:
    """All of these must hold.

    Attributes:
        wanted: names of properties, sorted, each with the values it may have.
    """

    wanted: tuple[tuple[str, frozenset[Value]], ...] = ()

    def takes(self, data: dict[str, Any], body: dict[str, Any]) -> bool:
        """Say whether an event passes.

        Args:
            data: what the app gets of it; a property is looked for here,
            body: and where that has none of the name, here.
        """
        return all(
            value is not None and value in choices
            for name, choices in self.wanted
            for value in (_found(name, data) or _found(name, body),)
        )


def _found(name: str, fields: dict[str, Any]) -> Value | None:
    """Return the property, also "a.b", the b within a; None: there is none, or it is a list or an object."""
    if name in fields:
        return _value(fields[name])
    inside: Any = fields
    for step in name.split("."):
        if not isinstance(inside, dict) or step not in inside:
            return None
        inside = inside[step]
    return _value(inside)


def make_filter(given: Any) -> Filter:
    """Return the filter that a message gives; None is one that takes everything.

    Raises:
        Mistake: it is none.
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
