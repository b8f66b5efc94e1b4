"""Plain values into attrs classes: which value fits where, and every one that does not.

Nothing is converted on the way, except that a whole number may stand for a number: "5" is not
5, yes is not 1. A field whose repr is off (each secret is one) is never quoted.
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
from wsevents.config.secret_files import chosen, disclosed, forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wsevents.config.yaml_files import Section

SHOWN = 60
"""Characters of a wrong value that are shown."""

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
    """How values become settings.

    Attributes:
        environ: where secrets given by `<key>_env` are looked up.
        rules: for fields whose type does not say all: (class, field) to a function that returns the
            fitted value or raises MisfitError.
    """

    environ: Mapping[str, str]
    rules: Mapping[tuple[type, str], Callable[[Any], Any]] = field(factory=dict)

    def fit(self, value: Any, kind: Any) -> Any:
        """Return the value as this kind: an attrs class, or a type such as `dict[str, int | None]`.

        Raises:
            MisfitError: with every problem there is, not only the first.
        """
        if get_origin(kind) in (Union, UnionType):
            kind = next((member for member in get_args(kind) if _suits(value, member)), kind)
        if not _suits(value, kind):
            hint = ": write it in quotes" if _suits("", kind) and isinstance(value, int | float) else ""
            raise ProblemsError(Problem(f"must be {_word(kind)}", got=f", not {_shown(value)}{hint}"))
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
        """Fit each of the values, which come with the step that leads to them."""
        problems = ProblemList()
        fitted = []
        for step, value in parts:
            with problems.under(step):
                fitted.append(self.fit(value, kind))
        problems.settle()
        return fitted

    def _section(self, section: Section, kind: type[Any]) -> Any:
        layout = _Layout.of(kind)
        problems = ProblemList(layout.strangers(section))
        fitted: dict[str, Any] = {}
        for name, each in layout.fields.items():
            with problems.under():
                form = chosen(section, name) if name in layout.sealed else name
                if form is not None and form in section:
                    with _path(form, each, section[form]):
                        given = disclosed(form, name, section[form], self.environ)
                        rule = self.rules.get((kind, name))
                        fitted[name] = rule(given) if rule else self.fit(given, layout.kinds[each.name])
                elif each.default is attrs.NOTHING:
                    raise ProblemsError(Problem("is missing", (name,)))
        layout.judge(fitted, problems)
        problems.settle()
        try:
            return kind(**fitted)
        except ValueError as error:  # what the class says of itself as a whole
            raise ProblemsError(Problem(_said(error))) from None


@frozen
class _Layout:
    """What an attrs class looks like as a section of the configuration.

    Attributes:
        fields: key to field.
        kinds: name of a field to its type.
        sealed: keys of the secrets that may also be given by file or environment.
    """

    fields: Mapping[str, attrs.Attribute[Any]]
    kinds: Mapping[str, Any]
    sealed: frozenset[str]

    @classmethod
    def of(cls, kind: type[Any]) -> _Layout:
        fields = {each.alias: each for each in attrs.fields(kind) if each.init}
        kinds = get_type_hints(kind)
        secrets = (name for name, each in fields.items() if each.metadata.get("secret"))
        return cls(fields, kinds, frozenset(name for name in secrets if _suits("", kinds[fields[name].name])))

    def strangers(self, section: Section) -> list[Problem]:
        """Return a problem for each key that does not exist."""
        known = [*self.fields, *(form for name in self.sealed for form in forms(name)[1:])]
        problems = []
        for name in section:
            if name not in known:
                near = get_close_matches(str(name), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(sorted(known))}"
                problems.append(Problem(f"is not a key that exists here; {hint}", (name,)))
        return problems

    def judge(self, fitted: Mapping[str, Any], problems: ProblemList) -> None:
        """Ask each field's own validator, which may look at the other fields too."""
        whole = self._defaults() | dict(fitted)
        others = SimpleNamespace(**whole)
        # A default stands in for a key that has a problem too: no reason to find fault with it.
        for name, value in (fitted if problems.problems else whole).items():
            each = self.fields[name]
            if each.validator is None:
                continue
            with problems.under(), _path(name, each, value):
                try:
                    each.validator(others, each, value)
                except (ValueError, TypeError) as error:
                    raise ProblemsError(Problem(_said(error))) from None
                except AttributeError:
                    if not problems.problems:  # else it missed a field that has a problem of its own
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
    """Put a step before the problems of the block, and veil those of a field that is not to be shown."""
    try:
        yield
    except ProblemsError as error:
        problems = [problem if each.repr else problem.redacted(value) for problem in error.problems]
        raise ProblemsError(*(problem.under(step) for problem in problems)) from None


def _suits(value: Any, kind: Any) -> bool:
    """Whether the value is of this kind, without a look at what is inside of it."""
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        return any(_suits(value, member) for member in get_args(kind))
    if origin is Literal:
        return any(type(value) is type(word) and value == word for word in get_args(kind))
    if origin is Any or isinstance(value, bool):
        return origin in (Any, bool)
    if origin is float:  # a comparison, because isfinite raises on a huge int
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    written = list if origin is tuple else dict if attrs.has(origin) else origin
    return isinstance(value, written)


def _word(kind: Any) -> str:
    """Return what a value of this kind is called."""
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_word(member) for member in get_args(kind)))
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
    return _word(type(value))


def _said(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
