"""What one session still has to hear. It decides the order; it runs nothing.

Rule 1: facts come before messages, and each is worked through before the next begins.
Rule 2: while anything holds the conversation, no message is heard, and the peer is not read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from wsevents.api.effects import Effect

if TYPE_CHECKING:
    from wsevents.api.interfaces import ISession

Fact = Callable[["ISession", float], Sequence[Effect]]
"""Tells a session something, at a time."""


@define(eq=False)
class Inbox:
    """The facts and messages that wait for one peer's session.

    Attributes:
        over: nothing is heard any more.
    """

    over: bool = field(init=False, default=False)
    _facts: deque[Fact] = field(init=False, factory=deque)
    _messages: deque[str | bytes] = field(init=False, factory=deque)
    _holds: set[Hashable] = field(init=False, factory=set)

    def tell(self, fact: Fact) -> None:
        """Add a fact."""
        if not self.over:
            self._facts.append(fact)

    def receive(self, message: str | bytes) -> None:
        """Add a message of the peer: text, or binary as bytes."""
        if not self.over:
            self._messages.append(message)

    def hold(self, reason: Hashable) -> None:
        """Hear no more messages until this reason, too, is released."""
        self._holds.add(reason)

    def release(self, reason: Hashable) -> None:
        """Go on, as far as this reason is concerned."""
        self._holds.discard(reason)

    @property
    def reads(self) -> bool:
        """Whether the peer should be read: one whose session is over is, for its close frame."""
        return self.over or not self._holds

    def next_fact(self) -> Fact | None:
        """Take the next fact, or None."""
        return self._facts.popleft() if self._facts else None

    def next_message(self) -> str | bytes | None:
        """Take the next message that may be heard now, or None."""
        return self._messages.popleft() if self._messages and not self._holds else None

    def end(self) -> None:
        """Forget what was not heard yet."""
        self.over = True
        self._facts.clear()
        self._messages.clear()
