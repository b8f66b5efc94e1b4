"""The quiet session: every fact, answered with nothing. Dialects say only what they have to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from wsevents.api.effects import Accept, Respond
from wsevents.api.interfaces import ISession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.api.effects import Effect
    from wsevents.api.identity import Answer, Identity


@implementer(ISession)
class BaseSession:
    """A session that lets everybody in and says nothing; see `ISession` for the facts."""

    identity: Identity | None = None

    def requested(self, now: float) -> Sequence[Effect]:
        """Upgrade at once."""
        return (Accept(),)

    def origin_refused(self, now: float) -> Sequence[Effect]:
        """Refuse it."""
        return (Respond(403),)

    def opened(self, now: float) -> Sequence[Effect]:
        """Wait for what the peer says."""
        return ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Ignore it."""
        return ()

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nothing was asked."""
        return ()

    def subscribed(self, id: int, live: bool, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Nobody waits for it."""
        return ()

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """Nothing was set."""
        return ()

    def identity_changed(self, answer: Answer, now: float) -> Sequence[Effect]:
        """Stay who it is."""
        return ()

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Stay."""
        return ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        """Go on."""
        return ()
