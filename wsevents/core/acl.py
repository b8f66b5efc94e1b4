"""The ACL rules of wazo-auth: whether the holder of a token may see an event.

Rule 1: a required ACL of None allows every holder.
Rule 2: a matching negative pattern ("!…") denies, in any order.
Rule 3: otherwise a matching positive pattern allows. Without a match, access is denied.

A pattern matches the whole text, case-sensitively. `*` matches any characters except "." and "#"; `#` matches
any characters. Dots separate segments. A segment `me` matches `me` and the subject's uuid. `my_session`
matches `my_session` and the session's uuid. `edit` matches `edit` and `update`.

Each distinct list of patterns is compiled once. The result can depend on the holder only if a uuid of the
holder is a segment of the required ACL. So the result for all other holders is cached per required ACL.
Matching takes time in proportion to pattern length times text length, also for a malicious pattern; a regular
expression could backtrack exponentially.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import define, field, frozen

_CACHE_SIZE = 262144
"""Most cached results of all lists of patterns together; a full cache is cleared."""

_TOKENS = re.compile(r"[*]|#|[^*#]+")
_STOP = re.compile(r"[.#]")


@frozen
class Pattern:
    """One ACL pattern.

    Attributes:
        tokens: each is "*", "#", a literal text, or a tuple of alternative texts. The tuples `("me",)` and
            `("my_session",)` stand for the uuids of the holder.
        personal: the pattern has one of these two tuples.
    """

    tokens: tuple[str | tuple[str, ...], ...]
    personal: bool

    def matches(self, text: str, me: str, session: str | None) -> bool:
        """Return whether the whole text matches, for the uuids of this subject and session."""
        ends = {0}
        for token in self.tokens:
            if token == "*":  # noqa: S105 a token of a pattern
                ends = _star(text, ends)
            elif token == "#":  # noqa: S105 a token of a pattern
                ends = set(range(min(ends), len(text) + 1))
            else:
                ends = _literal(text, ends, _alternatives(token, me, session))
            if not ends:
                return False
        return len(text) in ends


def _star(text: str, starts: set[int]) -> set[int]:
    """Return the positions where a `*` that starts at one of these positions may end."""
    ends: set[int] = set()
    covered = -1
    for start in sorted(starts):
        if start <= covered:
            continue
        stop = _STOP.search(text, start)
        covered = stop.start() if stop else len(text)
        ends.update(range(start, covered + 1))
    return ends


def _literal(text: str, starts: set[int], choices: tuple[str, ...]) -> set[int]:
    return {start + len(choice) for choice in choices for start in starts if text.startswith(choice, start)}


def _alternatives(token: str | tuple[str, ...], me: str, session: str | None) -> tuple[str, ...]:
    if isinstance(token, str):
        return (token,)
    if token == ("me",):
        return ("me", me)
    if token == ("my_session",):
        return ("my_session",) if session is None else ("my_session", session)
    return token


def _pattern(text: str) -> Pattern:
    """Compile one pattern, without its "!"."""
    tokens: list[str | tuple[str, ...]] = []
    for number, segment in enumerate(text.split(".")):
        if number:
            tokens.append(".")
        if segment in {"me", "my_session"}:
            tokens.append((segment,))
        elif segment == "edit":
            tokens.append(("edit", "update"))
        else:
            tokens.extend(_TOKENS.findall(segment))
    return Pattern(tuple(tokens), personal=("me",) in tokens or ("my_session",) in tokens)


_OTHER_UUID = "\0"
"""Stands for each uuid that is not a segment of the required ACL."""


@define(eq=False)
class Access:
    """A compiled list of ACL patterns; `compile_acl` makes it."""

    positive: tuple[Pattern, ...]
    negative: tuple[Pattern, ...]
    personal: bool = field(init=False)
    _latest: tuple[str, bool, frozenset[str]] = field(init=False, default=("", False, frozenset()))

    def __attrs_post_init__(self) -> None:
        self.personal = any(pattern.personal for pattern in (*self.positive, *self.negative))

    def may_see(self, required: str | None, me: str, session: str | None = None) -> bool:
        """Return whether the holder of the patterns may see an event.

        Args:
            required: the event's required ACL; None: no ACL required.
            me: uuid of the subject.
            session: uuid of its login session.
        """
        if required is None:
            return True
        latest, answer, segments = self._latest  # all audiences of an event ask for the same required ACL
        if latest != required or not latest:
            answer, segments = _cache.get((self, required)) or self._fill_cache(required)
            self._latest = required, answer, segments
        if not self.personal:
            return answer
        if me in segments or session in segments or "." in me or (session is not None and "." in session):
            return self._decide(required, me, session)
        return answer

    def _fill_cache(self, required: str) -> tuple[bool, frozenset[str]]:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        entry = self._decide(required, _OTHER_UUID, None), _segments(required)
        _cache[self, required] = entry
        return entry

    def _decide(self, required: str, me: str, session: str | None) -> bool:
        if any(pattern.matches(required, me, session) for pattern in self.negative):
            return False
        return any(pattern.matches(required, me, session) for pattern in self.positive)


_cache: dict[tuple[Access, str], tuple[bool, frozenset[str]]] = {}
"""The result for holders whose uuids are not among the segments of the required ACL, and these segments."""


@lru_cache(maxsize=1024)
def _segments(required: str) -> frozenset[str]:
    return frozenset(required.split("."))


@lru_cache(maxsize=65536)
def compile_acl(patterns: tuple[str, ...]) -> Access:
    """Return the compiled form of a list of patterns. Equal lists share one object."""
    return Access(
        positive=tuple(_pattern(text) for text in patterns if not text.startswith("!")),
        negative=tuple(_pattern(text[1:]) for text in patterns if text.startswith("!")),
    )
