"""Parses YAML into plain values, and records the file that each key comes from.

No message quotes the text, because messages go to the log. A password that begins with `!`, `*` or `&` is a
YAML error, and PyYAML's message quotes the password.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from attrs import frozen

from wsevents.api.errors import ConfigurationError


@frozen
class Document:
    """A file of the configuration. If two files set a key, the file with the higher rank wins."""

    rank: int
    name: str


class Section(dict[Any, Any]):
    """A YAML mapping.

    Attributes:
        origin: the document that set each key.
    """

    def __init__(
        self, values: dict[Any, Any] | None = None, origin: dict[Any, Document] | None = None
    ) -> None:
        super().__init__(values or {})
        self.origin = origin or {}


def merge(earlier: Section, later: Section) -> Section:
    """Return both merged: mappings merge deeply, any other value of `later` replaces that of `earlier`.

    A mapping with another `type` also replaces: each bus and each authenticator has its own keys.
    """
    merged = Section(earlier | later, earlier.origin | later.origin)
    for name, value in later.items():
        previous = earlier.get(name)
        if isinstance(previous, Section) and isinstance(value, Section) and not _is_other(previous, value):
            merged[name] = merge(previous, value)
    return merged


def _is_other(earlier: Section, later: Section) -> bool:
    return {"type"} <= earlier.keys() & later.keys() and bool(earlier["type"] != later["type"])


def read(text: str, document: Document) -> Section:
    """Return the mapping in a YAML text; an empty text is an empty mapping.

    Raises:
        ConfigurationError: the text is not YAML, has a key twice, or is not a mapping. Names the line.
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
    """PyYAML's safe loader, but a date stays text, and a key that occurs twice is an error."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self.document = document

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
            # PyYAML does not check tagged values: `!!int x` raises ValueError, `!!bool x` KeyError.
            raise _error("has a value that does not match its tag", node) from None

    def construct_section(self, node: yaml.MappingNode) -> Section:
        seen: dict[Any, yaml.Node] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key_node, deep=True)
            if name.__hash__ is None:
                raise _error("has a list or a mapping as a key", key_node)
            if name in seen:
                raise _error(f"repeats a key of line {seen[name].start_mark.line + 1}", key_node)
            seen[name] = key_node
        values = self.construct_mapping(node, deep=True)
        return Section(values, dict.fromkeys(values, self.document))


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_section)


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"line {mark.line + 1}: " if mark else ""


_EXPLANATIONS = {
    "expected ',' or": "a bracket is not closed, or a comma is missing",
    "expected <block end>": "the indentation differs from the lines of the same block",
    "could not find expected ':'": "a line lacks its colon, or a quote is not closed",
    "found character '\\t'": "a tab is used for indentation; indent with spaces",
}
"""Explanations of PyYAML's most frequent messages, by the beginning of the message."""


def _why(error: yaml.YAMLError) -> str:
    """Return PyYAML's problem without its quotations of the file."""
    if isinstance(error, yaml.reader.ReaderError):
        return "is not YAML: it has a character that YAML does not allow, such as a control character"
    problem = str(getattr(error, "problem", None) or "cannot be read")
    if problem.startswith(("has ", "repeats ")):
        return problem
    for complaint, meaning in _EXPLANATIONS.items():
        if problem.startswith(complaint):
            return f"is not YAML: {meaning}"
    unquoted = re.split("[,'\"]", problem, maxsplit=1)[0].strip()
    return f"is not YAML: {unquoted} (text that begins with a special character needs quotes)"
