"""Which events a peer has asked for: filters on their properties.

Filters on the same property are alternatives, different properties must all match. `*` is any value
but null; an event that has not the property, or null there, does not match. Values are compared as text,
exactly: 57042 is "57042", true is "true".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wsevents.dialects.isymphony.settings import Scalar

ANY = "*"
"""The value that stands for every value."""
KIND = "type"
"""The property by which peers are found."""


def text(value: str | float) -> str:
    """Return the text that a value is compared as."""
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
    """A peer's filters, compiled: property -> the values of which it must have one; None: any.

    Attributes:
        kinds: the types that can match; None: every type.
        others: all the other properties, in the order of their names.
    """

    kinds: frozenset[str] | None = None
    others: tuple[tuple[str, frozenset[str] | None], ...] = ()

    def match(self, kind: str, properties: Mapping[str, str]) -> bool:
        """Say whether an event of this type matches, which has these properties as `texts` returns them."""
        if self.kinds is not None and kind not in self.kinds:
            return False
        for name, wanted in self.others:
            value = properties.get(name)
            if value is None or (wanted is not None and value not in wanted):
                return False
        return True

    def texts(self) -> tuple[str, ...]:
        """Return each as `property=value`; of alternatives, which are sorted, there is a `|` between them."""
        kinds = () if self.kinds is None else ((KIND, self.kinds),)
        groups = (*kinds, *self.others)
        return tuple(f"{name}={'|'.join(sorted(values or (ANY,)))}" for name, values in groups) or (ANY,)


EVERYTHING = Filters()
"""As if there were no filter."""


def compiled(pairs: Iterable[tuple[str, str]]) -> Filters:
    """Return the filters that pairs of property and value make; equal sets make equal filters."""
    groups: dict[str, set[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, set()).add(value)
    wanted = {name: None if ANY in values else frozenset(values) for name, values in groups.items()}
    kinds = wanted.pop(KIND, None)  # every event has a type, so that any type is no condition
    return Filters(kinds, tuple(sorted(wanted.items(), key=lambda group: group[0])))
