"""What of a new configuration is taken over while peers are connected, and what needs a restart.

Rule 1: a key that says so of itself (`live`) is taken over, and so is everything in a section that does.
Rule 2: anything else stays as it was, so that the gateway always is as one configuration has it.
Rule 3: each key that differs is named; of what is not to be shown (`repr` is off) nothing below it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field, frozen

if TYPE_CHECKING:
    from wsevents.api.settings import Config


@frozen
class ConfigDiff:
    """What becomes of the old configuration.

    Attributes:
        config: what is in force from now on.
        changed: keys that are other than they were.
        kept: keys that are other in the new one, and need a restart.
    """

    config: Config
    changed: tuple[str, ...]
    kept: tuple[str, ...]


def config_diff(old: Config, new: Config) -> ConfigDiff:
    """Return what a new configuration changes in the one that is in force."""
    merger = _Merger()
    config = merger.merged(old, new, "", live=False)
    return ConfigDiff(config, tuple(merger.changed), tuple(merger.kept))


@define
class _Merger:
    """Walks through both at once and notes what differs."""

    changed: list[str] = field(factory=list)
    kept: list[str] = field(factory=list)

    def merged(self, old: Any, new: Any, at: str, *, live: bool) -> Any:
        """Return what the value there is to be."""
        if type(old) is type(new) and old == new:
            return old
        if attrs.has(type(old)) and type(old) is type(new):
            return self._section(old, new, at, live=live)
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and not live:
            pairs = enumerate(zip(old, new, strict=True))
            return [self.merged(*pair, f"{at}[{place}]", live=False) for place, pair in pairs]
        if isinstance(old, dict) and isinstance(new, dict) and not live:
            return self._mapping(old, new, at)
        if attrs.has(type(old)) and getattr(old, "type", None) != getattr(new, "type", None):
            at = f"{at}.type"
        return self._whole(old, new, at, live=live)

    def _section(self, old: Any, new: Any, at: str, *, live: bool) -> Any:
        values = {}
        for each in attrs.fields(type(old)):
            if not each.init:
                continue
            pair = getattr(old, each.name), getattr(new, each.name)
            way = f"{at}.{each.alias}" if at else each.alias
            alive = live or bool(each.metadata.get("live"))
            if each.repr:
                values[each.alias] = self.merged(*pair, way, live=alive)
            else:
                values[each.alias] = self._whole(*pair, way, live=alive)
        return type(old)(**values)

    def _whole(self, old: Any, new: Any, at: str, *, live: bool) -> Any:
        if old == new:
            return old
        (self.changed if live else self.kept).append(at)
        return new if live else old

    def _mapping(self, old: dict[Any, Any], new: dict[Any, Any], at: str) -> dict[Any, Any]:
        self.kept += [f"{at}.{name}" for name in new if name not in old]
        return {
            name: self.merged(value, new.get(name), f"{at}.{name}", live=False) for name, value in old.items()
        }
