"""What is wrong with a value of the configuration, and where, without a secret in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

REVEALING = 4
"""A text gives a secret away when it holds a word of it of at least so many characters."""


@frozen
class RedactedKey:
    """A key that is itself a secret, such as a token: only its place among the others may be shown."""

    key: Any
    place: int


@frozen
class Problem:
    """What is wrong at one place.

    Attributes:
        text: such as "must be a number".
        at: the way there from the value that was fitted: keys, indexes of lists, `RedactedKey`s.
        got: such as ", not 'ten'"; left out when it could be a secret.
    """

    text: str
    at: tuple[Any, ...] = ()
    got: str = ""

    def under(self, *steps: Any) -> Problem:
        """Return the same, seen from further up."""
        return evolve(self, at=(*steps, *self.at))

    def redacted(self, value: Any) -> Problem:
        """Return the same with nothing of `value`, which it is about, but its structure."""
        told = any(word in self.text for word in _words(value) if len(word) >= REVEALING)
        at = self.at
        if at and isinstance(value, dict) and at[0] in value:
            at = (RedactedKey(at[0], list(value).index(at[0]) + 1), *at[1:])
        return Problem("is not valid" if told else self.text, at)


class ProblemsError(Exception):
    """A value does not fit.

    Attributes:
        problems: all that is wrong with it.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


@define
class ProblemList:
    """All problems of one value, found one after the other."""

    problems: list[Problem] = field(factory=list)

    @contextmanager
    def under(self, *steps: Any) -> Iterator[None]:
        """Note the MisfitError that the block raises, if any, and go on after the block."""
        try:
            yield
        except ProblemsError as error:
            self.problems += [problem.under(*steps) for problem in error.problems]

    def settle(self) -> None:
        """Raise what was found.

        Raises:
            MisfitError: something was.
        """
        if self.problems:
            raise ProblemsError(*self.problems)


def _words(value: Any) -> Iterator[str]:
    """Yield every text in the value, keys included; those of mappings further in are names of settings."""
    if isinstance(value, dict):
        yield from (str(name) for name in value)
    yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield str(value)
