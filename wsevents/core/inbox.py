"""The queue of facts and messages for one session. It decides the order; the session runner executes.

Rule 1: facts come before messages. The runner processes one completely before it takes the next.
Rule 2: while a hold is set, the session receives no message, and the gateway does not read from the peer.
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
"""Passes one fact to a session with the time, and returns the effects."""


@define(eq=False)
class Inbox:
    """The facts and messages that wait for one session.

    Attributes:
        ended: the session has ended; the inbox discards further facts and messages.
    """

    ended: bool = field(init=False, default=False)
    _facts: deque[Fact] = field(init=False, factory=deque)
    _messages: deque[str | bytes] = field(init=False, factory=deque)
    _holds: set[Hashable] = field(init=False, factory=set)

    def add_fact(self, fact: Fact) -> None:
        """Add a fact."""
        if not self.ended:
            self._facts.append(fact)

    def receive(self, message: str | bytes) -> None:
        """Add a message from the peer: text as str, binary as bytes."""
        if not self.ended:
            self._messages.append(message)

    def hold(self, reason: Hashable) -> None:
        """Set a hold: return no message until every hold is released."""
        self._holds.add(reason)

    def release(self, reason: Hashable) -> None:
        """Release the hold with this reason."""
        self._holds.discard(reason)

    @property
    def reads(self) -> bool:
        """Whether to read from the peer. After the end of the session it is read, for its close frame."""
        return self.ended or not self._holds

    def next_fact(self) -> Fact | None:
        """Remove and return the next fact, or None."""
        return self._facts.popleft() if self._facts else None

    def next_message(self) -> str | bytes | None:
        """Remove and return the next message, or None if no message waits or a hold is set."""
        return self._messages.popleft() if self._messages and not self._holds else None

    def end(self) -> None:
        """Discard all facts and messages, also future ones."""
        self.ended = True
        self._facts.clear()
        self._messages.clear()
