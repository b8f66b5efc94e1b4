"""May this token see this event? The ACL rules of wazo-auth.

Rule 1: a required ACL of None lets everybody in.
Rule 2: any negative pattern ("!…") that matches says no, whatever the order.
Rule 3: else any positive pattern that matches says yes; else no.

A pattern matches the whole string, case sensitively. `*` is any run of characters other than
"." and "#"; `#` any run of any characters. A segment (between dots) `me` is `me` or the subject's
uuid, `my_session` is `my_session` or the session's, `edit` is `edit` or `update`.

Patterns are compiled once per distinct list, for all who hold it. Only somebody whose uuid is a
segment of the required ACL can fare differently from a stranger, so the stranger's answer is
remembered per required ACL, and hardly anybody is ever looked at one by one. Matching takes time
in proportion to pattern times text: a malicious pattern cannot make it explode, as it could a
regular expression.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import define, field, frozen

_REMEMBERED = 262144
"""Answers that are remembered for everybody together; all are forgotten when they are so many."""

_TOKENS = re.compile(r"[*]|#|[^*#]+")
_STOP = re.compile(r"[.#]")


@frozen
class Pattern:
    """One ACL pattern, cut into tokens.

    A token is "*", "#", other literal text, or a tuple of the texts that may stand there; the tuples
    `("me",)` and `("my_session",)` stand for who asks.
    """

    tokens: tuple[str | tuple[str, ...], ...]
    personal: bool

    def matches(self, text: str, me: str, session: str | None) -> bool:
        """Say whether the whole text matches, for this subject and session."""
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
    """Return where a `*` may end that starts at one of these places."""
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


_STRANGER = "\0"
"""A uuid that no required ACL has as a segment."""


@define(eq=False)
class Access:
    """What one list of ACL patterns allows. Make it with `compile_acl`."""

    positive: tuple[Pattern, ...]
    negative: tuple[Pattern, ...]
    personal: bool = field(init=False)
    _latest: tuple[str, bool, frozenset[str]] = field(init=False, default=("", False, frozenset()))

    def __attrs_post_init__(self) -> None:
        self.personal = any(pattern.personal for pattern in (*self.positive, *self.negative))

    def may_see(self, required: str | None, me: str, session: str | None = None) -> bool:
        """Say whether the holder may see what requires this ACL.

        Args:
            required: the event's required ACL; None: open to everyone.
            me: uuid of the subject.
            session: uuid of its login session.
        """
        if required is None:
            return True
        latest, answer, segments = self._latest  # an event asks all its audiences for the same
        if latest != required or not latest:
            answer, segments = _strangers.get((self, required)) or self._remember(required)
            self._latest = required, answer, segments
        if not self.personal:
            return answer
        if me in segments or session in segments or "." in me or (session is not None and "." in session):
            return self._decide(required, me, session)
        return answer

    def _remember(self, required: str) -> tuple[bool, frozenset[str]]:
        if len(_strangers) >= _REMEMBERED:
            _strangers.clear()
        known = self._decide(required, _STRANGER, None), _segments(required)
        _strangers[self, required] = known
        return known

    def _decide(self, required: str, me: str, session: str | None) -> bool:
        if any(pattern.matches(required, me, session) for pattern in self.negative):
            return False
        return any(pattern.matches(required, me, session) for pattern in self.positive)


_strangers: dict[tuple[Access, str], tuple[bool, frozenset[str]]] = {}
"""What a stranger may see, and the segments that could make somebody no stranger."""


@lru_cache(maxsize=1024)
def _segments(required: str) -> frozenset[str]:
    return frozenset(required.split("."))


@lru_cache(maxsize=65536)
def compile_acl(patterns: tuple[str, ...]) -> Access:
    """Return the compiled form of a list of patterns; equal lists share one."""
    return Access(
        positive=tuple(_pattern(text) for text in patterns if not text.startswith("!")),
        negative=tuple(_pattern(text[1:]) for text in patterns if text.startswith("!")),
    )
