"""Generate the configuration reference, docs/configuration.md, from the settings classes.

The classes are those that `config/loader.py` fills, and those of the dialects, buses and authenticators
of wsevents.
The permitted values come from the validator of each key, so the page has the same words as the error message.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from importlib.metadata import entry_points
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import yaml
from attrs import define, field, frozen

from wsevents.api import settings
from wsevents.config.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# Configuration reference

After reading this page you know every key, its default and its permitted values. `make docs`
generates this page from the code. [Configure](operating/configure.md) describes how files are found
and merged. Start from [etc/wsevents/config.yml](../etc/wsevents/config.yml).

* An omitted key has its default. A section that is present must have its `required` keys.
* `null` is YAML for no value. *NAME* stands for a name of your choice, `[]` for each entry of a list.
* An invalid value stops the start with one line that names file, key and remedy.
"""
FLAGS = {
    "secret": "A *secret* can also be given as `KEY_file: /path/of/a/file` or `KEY_env: NAME_OF_VARIABLE`.",
    "live": "A reload can change a *live* key. A change of any other key needs a restart.",
}
"""Flags in the metadata of a key, and their meaning; the page explains those that a key has."""
PLUGGED = {"bus": "wsevents.buses", "auth": "wsevents.auth"}
"""Sections with keys that depend on their `type`, and the entry points of the types."""
DIALECTS = "wsevents.dialects"
WORDS = {
    NoneType: "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    datetime: "a time",
    date: "a date",
    Any: "a section",
}
LOW, STRANGE, EMPTY = -(10**300), "\0", ""
"""Invalid values: the validator's error message for them has the permitted values."""
LONGEST = 60
"""Characters of a default in a table; a longer one is shown below it."""
DEEPEST = 4
"""Level of a heading."""


@frozen
class Part:
    """A section of the configuration.

    Attributes:
        path: the keys that lead to it.
        kind: its settings class.
        shared: a class whose keys another part lists.
        type: the `type` of the section that has these keys, or empty.
        live: all keys of the section are live.
    """

    path: str
    kind: type
    shared: type = object
    type: str = ""
    live: bool = False

    @property
    def title(self) -> str:
        """The heading."""
        return f"{self.path}, type: {self.type}" if self.type else self.path or "The file"

    def fields(self) -> dict[attrs.Attribute[Any], Any]:
        """Return each key with its type."""
        elsewhere = {each.name for each in attrs.fields(self.shared)} if attrs.has(self.shared) else set()
        kinds = get_type_hints(self.kind)
        return {
            each: kinds[each.name]
            for each in attrs.fields(self.kind)
            if each.init and each.name not in elsewhere
        }

    def within(self) -> Iterator[Part]:
        """Yield the sections inside this one."""
        for each, kind in self.fields().items():
            for inner, step in _sections(kind):
                live = bool(each.metadata.get("live")) and not step
                yield Part(f"{self.path}.{each.name}{step}".removeprefix("."), inner, live=live)
        for name, kind in _brought("" if self.type else PLUGGED.get(self.path, "")):
            yield Part(self.path, kind, self.kind, name, self.live)


@define
class Page:
    """The lines of the page."""

    lines: list[str] = field(factory=list)

    def write(self, part: Part, depth: int = 2) -> None:
        """Add a section and the sections inside it."""
        self.lines += [f"{'#' * depth} {part.title}", "", _sentence(part.kind), ""]
        fields = part.fields()
        if fields:
            self.lines += ["| key | what it is | default | must be |", "|---|---|---|---|"]
            self.lines += [*(_row(each, kind, part) for each, kind in fields.items()), ""]
        for each in fields:
            value = _default(each)
            if value is not attrs.NOTHING and len(_shown(value)) > LONGEST:
                text = yaml.safe_dump({each.name: value}, sort_keys=False)
                self.lines += [f"The default of `{each.name}`:", "", f"```yaml\n{text}```", ""]
        for inner in part.within():
            self.write(inner, min(depth + bool(part.path), DEEPEST))


def reference() -> str:
    """Return the page."""
    page = Page()
    page.write(Part("", settings.Config))
    page.lines += [
        "## dialects",
        "",
        "The protocols that the gateway serves, one section each. The default is `wazo`.",
        "",
    ]
    for name, kind in _brought(DIALECTS):
        page.write(Part(f"dialects.{name}", kind), 3)
    text = "\n".join(page.lines).rstrip() + "\n"
    flags = [f"* {meaning}\n" for name, meaning in FLAGS.items() if f"*{name.capitalize()}.*" in text]
    return "".join([HEAD, *flags, "\n", text])


def _spoken_by_default() -> str:
    return ", ".join(f"`{name}`" for name, dialect in Plugins().dialects().items() if dialect.default)


def _brought(group: str) -> Iterator[tuple[str, type]]:
    """Yield the names and settings classes of the plug-ins that are part of wsevents."""
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        if point.value.startswith("wsevents."):
            yield point.name, point.load().settings


def _sections(kind: Any, step: str = "") -> Iterator[tuple[type, str]]:
    """Yield the settings classes inside a type, each with the path step that leads to it."""
    if attrs.has(kind):
        yield kind, step
    below = {dict: ".NAME", list: "[]"}.get(get_origin(kind) or kind, "")
    for member in get_args(kind):
        yield from _sections(member, step + below)


def _sentence(kind: type) -> str:
    """Return the first paragraph of the docstring of a class."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _row(each: attrs.Attribute[Any], kind: Any, part: Part) -> str:
    doc = each.metadata.get("doc") or f"See [below](#{each.name})."
    flags = {name for name in FLAGS if each.metadata.get(name)} | ({"live"} if part.live else set())
    said = "".join(f" *{name.capitalize()}.*" for name in FLAGS if name in flags)
    return f"| `{each.name}` | {doc}{said} | {_written(each, kind)} | {_must_be(each, kind)} |"


def _written(each: attrs.Attribute[Any], kind: Any) -> str:
    """Return the default as shown in the table."""
    value = _default(each)
    if value is attrs.NOTHING:
        return "required"
    if attrs.has(kind):
        return ""  # the defaults are in its own table
    return f"`{_shown(value)}`" if len(_shown(value)) <= LONGEST else "below"


def _default(each: attrs.Attribute[Any]) -> Any:
    """Return the default as plain values, or attrs.NOTHING."""
    value: Any = each.default
    return _plain(value.factory() if hasattr(value, "factory") else value)


def _plain(value: Any) -> Any:
    """Return a value as it is written in YAML; a section has only keys that differ from their defaults."""
    if isinstance(value, settings.ListenEntry) and value.dialects is None:
        return value.endpoint
    if attrs.has(type(value)):
        keys = {each: _plain(getattr(value, each.name)) for each in attrs.fields(type(value))}
        return {each.name: given for each, given in keys.items() if given != _default(each)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    """Return a value in YAML, on one line."""
    return json.dumps(value, ensure_ascii=False)


def _must_be(each: attrs.Attribute[Any], kind: Any) -> str:
    """Return the type of a key and the constraints of its validator."""
    members = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    wrong = [LOW] * bool({int, float} & set(members)) + [STRANGE, EMPTY] * (str in members)
    return "; ".join(dict.fromkeys(filter(None, [_named(kind), *(_asked(each, value) for value in wrong)])))


def _asked(each: attrs.Attribute[Any], value: Any) -> str:
    """Return the validator's error message for an invalid value, without "must".

    Only validators of `wsevents.api.settings` are called, because they depend on the value only.
    """
    check: Any = each.validator
    if getattr(check, "__module__", None) != settings.__name__:
        return ""
    try:
        check(None, each, value)
    except ValueError as error:
        return str(error.args[0]).removeprefix("must ").replace("be ", "", 1)
    return ""


def _named(kind: Any) -> str:
    """Return the name of a type for the table."""
    origin, members = get_origin(kind) or kind, get_args(kind)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(_named(member) for member in members))
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in members)
    if origin in {list, tuple}:
        return f"a list of {_named(members[0])}".replace("of a section", "of sections")
    if origin is dict:
        return f"a mapping of NAME to {_named(members[1])}"
    return "a section" if attrs.has(origin) else WORDS[origin]
