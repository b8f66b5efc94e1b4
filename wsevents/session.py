"""The quiet session: every fact, answered with nothing. Dialects say only what they have to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from wsevents.interfaces import ISession
from wsevents.messages import Refuse, Welcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.messages import Answer, Effect, Identity


@implementer(ISession)
class QuietSession:
    """A session that lets everybody in and says nothing; see `ISession` for the facts."""

    identity: Identity | None = None

    def knocked(self, now: float) -> Sequence[Effect]:
        """Upgrade at once."""
        return (Welcome(),)

    def foreign(self, now: float) -> Sequence[Effect]:
        """Refuse it."""
        return (Refuse(403),)

    def opened(self, now: float) -> Sequence[Effect]:
        """Wait for what the peer says."""
        return ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Ignore it."""
        return ()

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nothing was asked."""
        return ()

    def listening(self, id: int, live: bool, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nobody waits for it."""
        return ()

    def rang(self, name: str, now: float) -> Sequence[Effect]:
        """Nothing was set."""
        return ()

    def revised(self, answer: Answer, now: float) -> Sequence[Effect]:
        """Stay who it is."""
        return ()

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Stay."""
        return ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        """Go on."""
        return ()
