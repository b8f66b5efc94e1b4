"""YAML text as plain values that remember which file each key came from.

Nothing here quotes what the text says: a password that begins with `!`, `*` or `&` makes YAML
complain about just that word, and a problem's text ends in the log.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from attrs import frozen

from wsevents.api.errors import ConfigurationError


@frozen
class Document:
    """A file of the configuration; of two that set one key, the one of higher rank wins."""

    rank: int
    name: str


class Section(dict[Any, Any]):
    """A YAML mapping.

    Attributes:
        origin: key to the document that set it.
    """

    def __init__(
        self, values: dict[Any, Any] | None = None, origin: dict[Any, Document] | None = None
    ) -> None:
        super().__init__(values or {})
        self.origin = origin or {}


def merge(earlier: Section, later: Section) -> Section:
    """Return both in one: mappings merge deeply, anything else of `later` replaces.

    A mapping of another `type` replaces as well: the keys of one kind of bus say nothing of another.
    """
    merged = Section(earlier | later, earlier.origin | later.origin)
    for name, value in later.items():
        mine = earlier.get(name)
        if isinstance(mine, Section) and isinstance(value, Section) and not _is_other(mine, value):
            merged[name] = merge(mine, value)
    return merged


def _is_other(earlier: Section, later: Section) -> bool:
    return {"type"} <= earlier.keys() & later.keys() and bool(earlier["type"] != later["type"])


def read(text: str, document: Document) -> Section:
    """Return the mapping that a YAML text holds; an empty text is an empty one.

    Raises:
        ConfigurationError: it is not YAML, has a key twice, or is not a mapping; names the line.
    """
    try:
        loader = _Loader(text, document)
        node = loader.get_single_node()
        value = Section() if node is None else loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{document.name}: {_where(error)}{_why(error)}") from None
    except RecursionError:
        raise ConfigurationError(f"{document.name}: is nested too deep") from None
    if value is None:
        return Section()
    if not isinstance(value, Section):
        raise ConfigurationError(f"{document.name}: must hold keys and values (`key: value`)")
    return value


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, except that dates stay text and a key may occur once only."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self.document = document

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
            # PyYAML trusts a tag: `!!int x`, `!!bool x` and `!!timestamp x` raise what int and dict raise.
            raise _mistake("holds a value that does not fit its kind", node) from None

    def construct_section(self, node: yaml.MappingNode) -> Section:
        seen: dict[Any, yaml.Node] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key_node, deep=True)
            if name.__hash__ is None:
                raise _mistake("has a list or a mapping for a key", key_node)
            if name in seen:
                raise _mistake(f"has a key again that line {seen[name].start_mark.line + 1} has", key_node)
            seen[name] = key_node
        values = self.construct_mapping(node, deep=True)
        return Section(values, dict.fromkeys(values, self.document))


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_section)


def _mistake(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"line {mark.line + 1}: " if mark else ""


_PLAINLY = {
    "expected ',' or": "a bracket is not closed, or a comma is missing",
    "expected <block end>": "a line is not indented like those that it belongs to",
    "could not find expected ':'": "a line lacks its colon, or a quote is not closed",
    "found character '\\t'": "a tab stands where only spaces may; indent with spaces",
}
"""How PyYAML's most frequent complaints begin, and what they mean."""


def _why(error: yaml.YAMLError) -> str:
    """Return the problem without the words of the file that PyYAML quotes in it."""
    if isinstance(error, yaml.reader.ReaderError):
        return "is not YAML: it has a character that is not allowed, such as a control character"
    problem = str(getattr(error, "problem", None) or "cannot be read")
    if problem.startswith(("has ", "holds ")):
        return problem
    for complaint, meaning in _PLAINLY.items():
        if problem.startswith(complaint):
            return f"is not YAML: {meaning}"
    said = re.split("[,'\"]", problem, maxsplit=1)[0].strip()
    return f"is not YAML: {said} (text that begins with a special character needs quotes)"
