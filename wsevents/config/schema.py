"""Validates decoded YAML values and makes attrs classes of them; reports all values that are not valid.

Types are strict: only a whole number is converted, to a number. "5" is not 5, and yes is not 1.
Messages never quote a field with `repr=False`. Each secret is such a field.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from difflib import get_close_matches
from types import NoneType, SimpleNamespace, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import field, frozen

from wsevents.config.problems import Problem, ProblemList, ProblemsError
from wsevents.config.secret_files import forms, given_form, secret_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wsevents.config.yaml_files import Section

SHOWN = 60
"""Maximum characters of a wrong value in a message."""

_WORDS: dict[Any, str] = {
    NoneType: "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
}


@frozen
class Schema:
    """Validates values against types.

    Attributes:
        environ: the environment, for secrets given as `<key>_env`.
        rules: functions that validate a field in place of its type, by (class, field). A rule returns the
            validated value or raises ProblemsError.
    """

    environ: Mapping[str, str]
    rules: Mapping[tuple[type, str], Callable[[Any], Any]] = field(factory=dict)

    def validate(self, value: Any, kind: Any) -> Any:
        """Return the value as a `kind`: an attrs class, or a type such as `dict[str, int | None]`.

        Raises:
            ProblemsError: the value is not valid; has all its problems.
        """
        if get_origin(kind) in (Union, UnionType):
            kind = next((member for member in get_args(kind) if _is_of(value, member)), kind)
        if not _is_of(value, kind):
            hint = "; write it in quotes" if _is_of("", kind) and isinstance(value, int | float) else ""
            raise ProblemsError(Problem(f"must be {_kind_name(kind)}", got=f", not {_shown(value)}{hint}"))
        if attrs.has(kind):
            return self._section(value, kind)
        origin = get_origin(kind) or kind
        if origin in (list, tuple):
            return origin(self._parts(list(enumerate(value)), (get_args(kind) or (Any,))[0]))
        if origin is dict:
            of_key, of_item = get_args(kind) or (Any, Any)
            names = self._parts([(name, name) for name in value], of_key)
            return dict(zip(names, self._parts(list(value.items()), of_item), strict=True))
        return float(value) if kind is float else value

    def _parts(self, parts: list[tuple[Any, Any]], kind: Any) -> list[Any]:
        """Validate values that are paired with their steps, which are keys or indexes."""
        problems = ProblemList()
        validated = []
        for step, value in parts:
            with problems.under(step):
                validated.append(self.validate(value, kind))
        problems.raise_any()
        return validated

    def _section(self, section: Section, kind: type[Any]) -> Any:
        layout = _Layout.of(kind)
        problems = ProblemList(layout.unknown_keys(section))
        validated: dict[str, Any] = {}
        for name, each in layout.fields.items():
            with problems.under():
                form = given_form(section, name) if name in layout.secrets else name
                if form is not None and form in section:
                    with _path(form, each, section[form]):
                        given = secret_value(form, name, section[form], self.environ)
                        rule = self.rules.get((kind, name))
                        validated[name] = (
                            rule(given) if rule else self.validate(given, layout.kinds[each.name])
                        )
                elif each.default is attrs.NOTHING:
                    raise ProblemsError(Problem("is missing", (name,)))
        layout.run_validators(validated, problems)
        problems.raise_any()
        try:
            return kind(**validated)
        except ValueError as error:  # of the class's __attrs_post_init__
            raise ProblemsError(Problem(_message(error))) from None


@frozen
class _Layout:
    """The keys of an attrs class as a section of the configuration.

    Attributes:
        fields: the fields by key.
        kinds: the types by the name of the field.
        secrets: keys of secrets that the operator can also give by file or environment variable.
    """

    fields: Mapping[str, attrs.Attribute[Any]]
    kinds: Mapping[str, Any]
    secrets: frozenset[str]

    @classmethod
    def of(cls, kind: type[Any]) -> _Layout:
        fields = {each.alias: each for each in attrs.fields(kind) if each.init}
        kinds = get_type_hints(kind)
        secrets = (name for name, each in fields.items() if each.metadata.get("secret"))
        return cls(fields, kinds, frozenset(name for name in secrets if _is_of("", kinds[fields[name].name])))

    def unknown_keys(self, section: Section) -> list[Problem]:
        """Return a problem for each key that the class does not define."""
        known = [*self.fields, *(form for name in self.secrets for form in forms(name)[1:])]
        problems = []
        for name in section:
            if name not in known:
                near = get_close_matches(str(name), known, n=1)
                hint = (
                    f"did you mean {near[0]}?" if near else f"the known keys are {', '.join(sorted(known))}"
                )
                problems.append(Problem(f"is not a known key; {hint}", (name,)))
        return problems

    def run_validators(self, validated: Mapping[str, Any], problems: ProblemList) -> None:
        """Run the validator of each field; a validator can read the other fields."""
        whole = self._defaults() | dict(validated)
        others = SimpleNamespace(**whole)
        # `whole` also has a default for each key with a problem. A complaint about it would mislead.
        for name, value in (validated if problems.problems else whole).items():
            each = self.fields[name]
            if each.validator is None:
                continue
            with problems.under(), _path(name, each, value):
                try:
                    each.validator(others, each, value)
                except (ValueError, TypeError) as error:
                    raise ProblemsError(Problem(_message(error))) from None
                except AttributeError:
                    if not problems.problems:  # else the validator reads a field that has a problem
                        raise

    def _defaults(self) -> dict[str, Any]:
        return {
            name: _default(each) for name, each in self.fields.items() if each.default is not attrs.NOTHING
        }


def _default(each: attrs.Attribute[Any]) -> Any:
    made: Any = each.default
    return made if not hasattr(made, "factory") or made.takes_self else made.factory()


@contextmanager
def _path(step: str, each: attrs.Attribute[Any], value: Any) -> Iterator[None]:
    """Put a step before the paths of the block's problems, and redact them if the field has `repr=False`."""
    try:
        yield
    except ProblemsError as error:
        problems = [problem if each.repr else problem.redacted(value) for problem in error.problems]
        raise ProblemsError(*(problem.under(step) for problem in problems)) from None


def _is_of(value: Any, kind: Any) -> bool:
    """Return whether the value is of this type; the items of a list or mapping are not checked."""
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        return any(_is_of(value, member) for member in get_args(kind))
    if origin is Literal:
        return any(type(value) is type(word) and value == word for word in get_args(kind))
    if origin is Any or isinstance(value, bool):
        return origin in (Any, bool)
    if origin is float:  # a comparison, because isfinite raises on a huge int
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    written = list if origin is tuple else dict if attrs.has(origin) else origin
    return isinstance(value, written)


def _kind_name(kind: Any) -> str:
    """Return the name of a type for messages."""
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_kind_name(member) for member in get_args(kind)))
    if origin is Literal:
        return " or ".join(_shown(word) for word in get_args(kind))
    return (
        "a mapping" if attrs.has(origin) else _WORDS.get(origin, f"a {getattr(origin, '__name__', origin)}")
    )


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str | int | float):
        shown = repr(value) if isinstance(value, str) else str(value)
        return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return _kind_name(type(value))


def _message(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
