"""Problems of configuration values: a text and the path of the value, without any part of a secret."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

REVEALING = 4
"""A message reveals a secret if it contains a part of the secret with at least this many characters."""


@frozen
class RedactedKey:
    """A key that is itself a secret, such as a token; messages show its position among the keys, from 1."""

    key: Any
    position: int


@frozen
class Problem:
    """A problem of one value.

    Attributes:
        text: such as "must be a number".
        at: path from the validated value to the wrong value: keys, list indexes and `RedactedKey`s.
        got: such as ", not 'ten'"; "" if the value may be a secret.
    """

    text: str
    at: tuple[Any, ...] = ()
    got: str = ""

    def under(self, *steps: Any) -> Problem:
        """Return the same problem with these steps in front of its path."""
        return evolve(self, at=(*steps, *self.at))

    def redacted(self, value: Any) -> Problem:
        """Return the same problem without any content of `value`, which the problem is about."""
        reveals = any(word in self.text for word in _words(value) if len(word) >= REVEALING)
        at = self.at
        if at and isinstance(value, dict) and at[0] in value:
            at = (RedactedKey(at[0], list(value).index(at[0]) + 1), *at[1:])
        return Problem("is not valid" if reveals else self.text, at)


class ProblemsError(Exception):
    """A value is not valid.

    Attributes:
        problems: all problems of the value.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


@define
class ProblemList:
    """Collects the problems of one value."""

    problems: list[Problem] = field(factory=list)

    @contextmanager
    def under(self, *steps: Any) -> Iterator[None]:
        """Collect the problems of a ProblemsError of the block, with these steps before their paths."""
        try:
            yield
        except ProblemsError as error:
            self.problems += [problem.under(*steps) for problem in error.problems]

    def raise_any(self) -> None:
        """Raise the collected problems.

        Raises:
            ProblemsError: there are problems.
        """
        if self.problems:
            raise ProblemsError(*self.problems)


def _words(value: Any) -> Iterator[str]:
    """Yield all scalars of the value as text, and its keys; keys of inner mappings are names of settings."""
    if isinstance(value, dict):
        yield from (str(name) for name in value)
    yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield str(value)
