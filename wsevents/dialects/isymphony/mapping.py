"""Maps generic events to iSymphony's events.

Every event has `type`, `time` (milliseconds since the epoch) and `coreServerId`. The name of the event
selects a rule: from the configuration, or else from `DEFAULTS`. The rule has the type and the other
properties.

Without a rule, the name and the keys of `data` are converted to iSymphony's spelling (call_held becomes
callHeld). So a publisher of `userLogin` with iSymphony's properties in `data` needs no rule.

Values are scalars. Lists and objects become null, or are left out if there is no rule. Ids are text.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import define, frozen

from wsevents.dialects.isymphony.defaults import DEFAULTS
from wsevents.dialects.isymphony.filters import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.api.events import Event
    from wsevents.dialects.isymphony.settings import IsymphonySettings, Rule, Scalar

_WORDS = re.compile(r"[_\-. ]+")
_ID = re.compile(r".*(?:^i|I)d[12]?", re.DOTALL)


@lru_cache(maxsize=4096)
def isymphony_name(name: str) -> str:
    """Return a name in iSymphony's spelling: callHeld for `call_held`, userId for `user_uuid`."""
    words = [word for word in _WORDS.split(name) if word]
    more = ("id" if word == "uuid" else word for word in words[1:])
    return "".join([*words[:1], *(word[0].upper() + word[1:] for word in more)]) or name


def scalar(value: Any) -> Scalar:
    """Return a value as a property; None for lists, objects and numbers that JSON does not have."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | bool) else None


def _valued(properties: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the properties with numeric ids converted to text, as iSymphony has them."""
    return {
        name: text(value) if _is_number(value) and _ID.fullmatch(name) else value
        for name, value in properties.items()
    }


def _is_number(value: Scalar) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@frozen
class _Path:
    """The path of keys to a value in a body."""

    steps: tuple[str, ...]

    def read(self, body: Mapping[str, Any]) -> Scalar:
        value: Any = body
        for step in self.steps:
            value = value.get(step) if isinstance(value, dict) else None
        return scalar(value)


@frozen(eq=False)
class _Conversion:
    """A compiled rule.

    Attributes:
        kind: the type; None: `by` and `kinds` select it.
        by: the path to a value in the body.
        kinds: the type for each value at `by`.
        values: properties with fixed values.
        paths: properties with values from the body.
    """

    kind: str | None
    by: _Path | None
    kinds: Mapping[str, str]
    values: Mapping[str, Scalar]
    paths: tuple[tuple[str, _Path], ...]

    @classmethod
    def of(cls, rule: Rule) -> _Conversion:
        properties = rule.properties.items()
        return cls(
            rule.type,
            None if rule.by is None else _path(rule.by),
            rule.types,
            {name: scalar(source) for name, source in properties if not isinstance(source, str)},
            tuple((name, _path(source)) for name, source in properties if isinstance(source, str)),
        )

    def kind_of(self, event: Event) -> str | None:
        """Return the type of an event; None: the event is not sent."""
        if self.by is None:
            return self.kind
        value = self.by.read(event.body.json or {})
        return None if value is None else self.kinds.get(text(value))

    def properties(self, body: Mapping[str, Any]) -> dict[str, Scalar]:
        return {**self.values, **{name: path.read(body) for name, path in self.paths}}


def _path(text: str) -> _Path:
    return _Path(tuple(text.split(".")))


@define(eq=False)
class MappedEvent:
    """A mapped event. Its body is parsed on demand.

    Attributes:
        event: as decoded by the source.
        kind: iSymphony's type.
    """

    event: Event
    kind: str
    _conversion: _Conversion | None
    _server: str | None

    @cached_property
    def properties(self) -> dict[str, Scalar] | None:
        """All properties, or None if the body is not a JSON object."""
        body = self.event.body.json
        if body is None:
            return None
        base: dict[str, Scalar] = {
            "coreServerId": scalar(body.get("origin_uuid")) if self._server is None else self._server,
            "time": int(self.event.received * 1000),
        }
        mapped = _converted(body) if self._conversion is None else self._conversion.properties(body)
        return {**base, **_valued(mapped), "type": self.kind}


def _converted(body: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return the scalars in `data`, with keys in iSymphony's spelling.

    If several keys have the same converted spelling, a key that already has it wins, then one with "uuid".
    """
    data = body.get("data")
    if not isinstance(data, dict):
        return {}
    known = {name: scalar(value) for name, value in data.items() if not isinstance(value, dict | list)}
    ranked = sorted(known, key=lambda name: (isymphony_name(name) == name, name.endswith("uuid")))
    found = {isymphony_name(name): known[name] for name in ranked}
    time = found.get("time")
    if not isinstance(time, int) or isinstance(
        time, bool
    ):  # only an integer can be a time from the publisher
        found.pop("time", None)
    return found


@frozen(eq=False)
class EventMapping:
    """All rules. `make_mapping` creates it.

    Attributes:
        conversions: the compiled rules by event name; None: events of this name are not sent.
        others: whether events without a rule are sent.
        server: the `coreServerId` of all events; None: it is in each body.
    """

    conversions: Mapping[str, _Conversion | None]
    others: bool
    server: str | None

    def map(self, event: Event) -> MappedEvent | None:
        """Return a mapped event, or None if the event is not sent."""
        if event.name not in self.conversions:
            return MappedEvent(event, isymphony_name(event.name), None, self.server) if self.others else None
        conversion = self.conversions[event.name]
        kind = None if conversion is None else conversion.kind_of(event)
        return None if kind is None else MappedEvent(event, kind, conversion, self.server)


def make_mapping(settings: IsymphonySettings) -> EventMapping:
    """Return the default rules, replaced by those of the configuration."""
    rules: dict[str, Rule | None] = {**DEFAULTS, **settings.events}
    conversions = {name: None if rule is None else _Conversion.of(rule) for name, rule in rules.items()}
    return EventMapping(conversions, settings.others, settings.core_server_id)
