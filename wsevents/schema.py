"""Plain values into attrs classes: which value fits where, and every one that does not.

Nothing is converted on the way, except that a whole number may stand for a number: "5" is not
5, yes is not 1. A field whose repr is off (each secret is one) is never quoted.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import evolve, field, frozen

from wsevents.documents import Section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SHOWN = 60
"""Characters of a wrong value that are shown."""

_FORMS = ("", "_file", "_env")
_WORDS = {
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
class Veiled:
    """A key that is itself a secret, such as a token: only its place may be shown."""

    key: Any
    place: int


@frozen
class Problem:
    """What is wrong at one place.

    Attributes:
        text: such as "must be a number".
        at: the way there from the value that was fitted: keys, indexes of lists, `Veiled`s.
        got: such as ", not 'ten'"; left out when it could be a secret.
    """

    text: str
    at: tuple[Any, ...] = ()
    got: str = ""

    def under(self, step: Any) -> Problem:
        """Return the same, seen from one step further up."""
        return evolve(self, at=(step, *self.at))

    def veiled(self, value: Any) -> Problem:
        """Return the same without anything of `value`, which it is about, but its structure."""
        text = "is not valid" if any(word in self.text for word in _words(value)) else self.text
        if not self.at or not isinstance(value, dict):
            return evolve(self, text=text, got="")
        place = list(value).index(self.at[0]) + 1 if self.at[0] in value else 0
        return evolve(self, text=text, got="", at=(Veiled(self.at[0], place), *self.at[1:]))


class MisfitError(Exception):
    """A value does not fit.

    Attributes:
        problems: all that is wrong with it.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


Rule = "Callable[[Any], Any]"


@frozen
class Schema:
    """How values become settings.

    Attributes:
        environ: where secrets given by `<key>_env` are looked up.
        rules: for fields that are not what their type says alone: (class, field) to a function that
            returns the fitted value or raises MisfitError.
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
            hint = ": write it in quotes" if kind is str and isinstance(value, int | float) else ""
            raise MisfitError(Problem(f"must be {_word(kind)}", got=f", not {_shown(value)}{hint}"))
        if attrs.has(kind):
            return self._section(value, kind)
        return self._container(value, kind)

    def _container(self, value: Any, kind: Any) -> Any:
        origin, arguments = get_origin(kind) or kind, get_args(kind) or (Any, Any)
        if origin in (list, tuple):
            return origin(self._all((index, item, arguments[0]) for index, item in enumerate(value)).values())
        if origin is dict:
            self._all((key, key, arguments[0]) for key in value)
            return self._all((key, item, arguments[1]) for key, item in value.items())
        return float(value) if origin is float else value

    def _all(self, parts: Iterable[tuple[Any, Any, Any]]) -> dict[Any, Any]:
        return gather((step, lambda item=item, kind=kind: self.fit(item, kind)) for step, item, kind in parts)

    def _section(self, section: Section, kind: type) -> Any:
        fields = {each.alias: each for each in attrs.fields(kind) if each.init}
        kinds = get_type_hints(kind)
        problems = [
            Problem(_unknown(str(key), fields), (key,))
            for key in section
            if key not in fields and not (isinstance(key, str) and key in _forms(fields))
        ]
        fitted: dict[str, Any] = {}
        for name, each in fields.items():
            try:
                fitted |= self._field(section, kind, each, kinds[each.name])
            except MisfitError as error:
                problems += _seen(error, name, each, section)
'''
'''
