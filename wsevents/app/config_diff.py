"""The difference of two configurations: what a reload applies, and what needs a restart.

Rule 1: a key that is marked `live` is applied, and so is everything in a section that is marked.
Rule 2: every other key keeps its old value, so that the result is always a consistent configuration.
Rule 3: each key that differs is reported. Below a key that must not be shown (`repr` is off) no key is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field, frozen

if TYPE_CHECKING:
    from wsevents.api.settings import Config


@frozen
class ConfigDiff:
    """The outcome of a comparison.

    Attributes:
        config: the configuration to apply.
        changed: keys with a new value.
        kept: keys that differ but need a restart.
    """

    config: Config
    changed: tuple[str, ...]
    kept: tuple[str, ...]


def config_diff(old: Config, new: Config) -> ConfigDiff:
    """Compare a new configuration with the current one."""
    merger = _Merger()
    config = merger.merged(old, new, "", live=False)
    return ConfigDiff(config, tuple(merger.changed), tuple(merger.kept))


@define
class _Merger:
    """Walks through both configurations and collects the keys that differ."""

    changed: list[str] = field(factory=list)
    kept: list[str] = field(factory=list)

    def merged(self, old: Any, new: Any, path: str, *, live: bool) -> Any:
        """Return the value to apply at a key path."""
        if type(old) is type(new) and old == new:
            return old
        if attrs.has(type(old)) and type(old) is type(new):
            return self._section(old, new, path, live=live)
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and not live:
            pairs = enumerate(zip(old, new, strict=True))
            return [self.merged(*pair, f"{path}[{index}]", live=False) for index, pair in pairs]
        if isinstance(old, dict) and isinstance(new, dict) and not live:
            return self._mapping(old, new, path)
        if attrs.has(type(old)) and getattr(old, "type", None) != getattr(new, "type", None):
            path = f"{path}.type"
        return self._whole(old, new, path, live=live)

    def _section(self, old: Any, new: Any, path: str, *, live: bool) -> Any:
        values = {}
        for attribute in attrs.fields(type(old)):
            if not attribute.init:
                continue
            pair = getattr(old, attribute.name), getattr(new, attribute.name)
            member_path = f"{path}.{attribute.alias}" if path else attribute.alias
            is_live = live or bool(attribute.metadata.get("live"))
            if attribute.repr:
                values[attribute.alias] = self.merged(*pair, member_path, live=is_live)
            else:
                values[attribute.alias] = self._whole(*pair, member_path, live=is_live)
        return type(old)(**values)

    def _whole(self, old: Any, new: Any, path: str, *, live: bool) -> Any:
        if old == new:
            return old
        (self.changed if live else self.kept).append(path)
        return new if live else old

    def _mapping(self, old: dict[Any, Any], new: dict[Any, Any], path: str) -> dict[Any, Any]:
        self.kept += [f"{path}.{name}" for name in new if name not in old]
        return {
            name: self.merged(value, new.get(name), f"{path}.{name}", live=False)
            for name, value in old.items()
        }
