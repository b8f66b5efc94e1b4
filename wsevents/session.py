"""The quiet session: every fact, answered with nothing. Dialects say only what they have to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from wsevents.interfaces import ISession
from wsevents.messages import Welcome

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

    def opened(self, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nothing."""
        return ()

    def listening(self, id: int, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nothing."""
        return ()

    def rang(self, name: str, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()

    def revised(self, answer: Answer, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        """Nothing."""
        return ()
