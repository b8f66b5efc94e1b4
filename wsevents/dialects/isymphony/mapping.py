"""What an event of the generic source is in iSymphony's words.

Every event has `type`, `time` (milliseconds since the epoch) and `coreServerId`. The rest is, by the
event's name: what a rule says, of the configuration or else of `DEFAULTS`; without a rule, the name and
the names in `data` in iSymphony's spelling (call_held: callHeld), so that whoever publishes `userLogin`
with iSymphony's own properties in `data` needs no rule. Values are scalars: what is none is null, or left
out where there is no rule. Ids are text.
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
def spelled(name: str) -> str:
    """Return a name in iSymphony's spelling: `call_held` is callHeld, `user_uuid` userId, userLogin stays."""
    words = [word for word in _WORDS.split(name) if word]
    more = ("id" if word == "uuid" else word for word in words[1:])
    return "".join([*words[:1], *(word[0].upper() + word[1:] for word in more)]) or name


def scalar(value: Any) -> Scalar:
    """Return a value as a property has it; None for what is none, and for numbers that JSON has not."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | bool) else None


def _valued(properties: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return properties as iSymphony has them, where ids are text; what we are told may be numbers."""
    return {
        name: text(value) if _is_number(value) and _ID.fullmatch(name) else value
        for name, value in properties.items()
    }


def _is_number(value: Scalar) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@frozen
class _Path:
    """The way to a value in a body."""

    steps: tuple[str, ...]

    def read(self, body: Mapping[str, Any]) -> Scalar:
        value: Any = body
        for step in self.steps:
            value = value.get(step) if isinstance(value, dict) else None
        return scalar(value)


@frozen(eq=False)
class _Conversion:
    """A rule, ready for use."""

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
        """Return the type; None: this one is not sent."""
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
    """An event in iSymphony's words; its body is looked at only when somebody needs to.

    Attributes:
        event: in the gateway's words.
        kind: its type.
    """

    event: Event
    kind: str
    _conversion: _Conversion | None
    _server: str | None

    @cached_property
    def properties(self) -> dict[str, Scalar] | None:
        """All its properties, or None if the body is no JSON object."""
        body = self.event.body.json
        if body is None:
            return None
        base: dict[str, Scalar] = {
            "coreServerId": scalar(body.get("origin_uuid")) if self._server is None else self._server,
            "time": int(self.event.received * 1000),
        }
        more = _as_they_are(body) if self._conversion is None else self._conversion.properties(body)
        return {**base, **_valued(more), "type": self.kind}


def _as_they_are(body: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return the scalars in `data` in iSymphony's spelling.

    Of names that are spelled alike the one that is spelled so already comes first, then a uuid.
    """
    data = body.get("data")
    if not isinstance(data, dict):
        return {}
    known = {name: scalar(value) for name, value in data.items() if not isinstance(value, dict | list)}
    ranked = sorted(known, key=lambda name: (spelled(name) == name, name.endswith("uuid")))
    found = {spelled(name): known[name] for name in ranked}
    time = found.get("time")
    if not isinstance(time, int) or isinstance(time, bool):  # else whoever published it knows better
        found.pop("time", None)
    return found


@frozen(eq=False)
class Vocabulary:
    """All the rules. Make it with `vocabulary`."""

    conversions: Mapping[str, _Conversion | None]
    others: bool
    server: str | None

    def tell(self, event: Event) -> MappedEvent | None:
        """Return an event in iSymphony's words, or None if it is not sent."""
        if event.name not in self.conversions:
            return MappedEvent(event, spelled(event.name), None, self.server) if self.others else None
        conversion = self.conversions[event.name]
        kind = None if conversion is None else conversion.kind_of(event)
        return None if kind is None else MappedEvent(event, kind, conversion, self.server)


def vocabulary(settings: IsymphonySettings) -> Vocabulary:
    """Return what the configuration says on top of the defaults."""
    rules: dict[str, Rule | None] = {**DEFAULTS, **settings.events}
    conversions = {name: None if rule is None else _Conversion.of(rule) for name, rule in rules.items()}
    return Vocabulary(conversions, settings.others, settings.core_server_id)
