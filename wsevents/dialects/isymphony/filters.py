"""Filters on the properties of events, with which a client selects events.

Filters on the same property are alternatives; filters on different properties must all match. `*` matches
any value except null. A filter does not match an event in which the property is missing or null. Values are
compared exactly, as text: 57042 equals "57042", and true equals "true".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wsevents.dialects.isymphony.settings import Scalar

ANY = "*"
"""The value that matches every value except null."""
KIND = "type"
"""The property that the addresses of audiences contain."""


def text(value: str | float) -> str:
    """Return a value in the form that filters compare."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def texts(properties: Mapping[str, Scalar]) -> dict[str, str]:
    """Return the text of each property that is not null."""
    return {name: text(value) for name, value in properties.items() if value is not None}


@frozen(cache_hash=True)
class Filters:
    """The compiled filters of a client.

    Attributes:
        kinds: the types that match; None: every type.
        others: the other properties, sorted by name, each with the values that match; None: any value.
    """

    kinds: frozenset[str] | None = None
    others: tuple[tuple[str, frozenset[str] | None], ...] = ()

    def matches(self, kind: str, properties: Mapping[str, str]) -> bool:
        """Say whether an event matches.

        Args:
            kind: the type of the event.
            properties: the properties of the event, from `texts`.
        """
        if self.kinds is not None and kind not in self.kinds:
            return False
        for name, values in self.others:
            value = properties.get(name)
            if value is None or (values is not None and value not in values):
                return False
        return True

    def texts(self) -> tuple[str, ...]:
        """Return each filter as `property=value`; sorted alternatives are separated by `|`."""
        kinds = () if self.kinds is None else ((KIND, self.kinds),)
        groups = (*kinds, *self.others)
        return tuple(f"{name}={'|'.join(sorted(values or (ANY,)))}" for name, values in groups) or (ANY,)


EVERYTHING = Filters()
"""No filter: every event matches."""


def compile_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """Return the filters for pairs of property and value. The order of the pairs makes no difference."""
    groups: dict[str, set[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, set()).add(value)
    wanted = {name: None if ANY in values else frozenset(values) for name, values in groups.items()}
    kinds = wanted.pop(KIND, None)  # every event has a type, so a filter on any type is no condition
    return Filters(kinds, tuple(sorted(wanted.items(), key=lambda group: group[0])))
