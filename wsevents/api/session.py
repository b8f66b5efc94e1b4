"""Default answers to all facts of a session; a dialect's session overrides the facts that it needs."""

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
    """A session that accepts every request, rejects forbidden origins with 403 and sends nothing."""

    identity: Identity | None = None

    def requested(self, now: float) -> Sequence[Effect]:
        return (Accept(),)

    def origin_refused(self, now: float) -> Sequence[Effect]:
        return (Respond(403),)

    def opened(self, now: float) -> Sequence[Effect]:
        return ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        return ()

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as in the interface
        return ()

    def subscribed(self, id: int, live: bool, now: float) -> Sequence[Effect]:  # noqa: A002 as in the interface
        return ()

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        return ()

    def identity_changed(self, answer: Answer, now: float) -> Sequence[Effect]:
        return ()

    def bus_lost(self, now: float) -> Sequence[Effect]:
        return ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        return ()
