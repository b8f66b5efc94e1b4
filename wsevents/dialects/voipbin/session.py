"""The conversation with one VoIPBIN peer.

Rule 1: who it is is decided before the upgrade, and never again, but for the end of its token.
Rule 2: nothing it says is answered. What cannot be read is ignored; a binary message, or a topic that it
may not subscribe to, has the connection dropped, and then nothing of that message is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from zope.interface import implementer

from wsevents.api.close_reasons import BUS_ERROR, BUS_LOST, DROPPED, Advice, CloseReason
from wsevents.api.effects import Accept, Ask, Close, Respond, SetTimer, Subscribe
from wsevents.api.identity import Denied, Identity
from wsevents.api.interfaces import ISession
from wsevents.api.session import BaseSession
from wsevents.dialects.voipbin import refusal
from wsevents.dialects.voipbin.claims import SUPER_ADMIN
from wsevents.dialects.voipbin.command import decode
from wsevents.dialects.voipbin.credential import credential
from wsevents.dialects.voipbin.identifier import canonical, written
from wsevents.dialects.voipbin.interest import interest
from wsevents.dialects.voipbin.topic import may_subscribe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsevents.api.effects import Effect
    from wsevents.api.identity import Answer
    from wsevents.api.requests import Request
    from wsevents.api.settings import Limits
    from wsevents.dialects.voipbin.settings import VoipbinSettings

EXPIRED = CloseReason(
    1008, "token expired", "The token or the access key has ended.", Advice.TOKEN, expiry=True
)
_EXPIRY = "expiry"


@implementer(ISession)
@define(eq=False)
class VoipbinSession(BaseSession):
    """One peer's state.

    Attributes:
        request: what it came with.
        settings: of the dialect.
        limits: of every peer.
        number: of this request, 128 bits by which its refusal is known.
    """

    request: Request
    settings: VoipbinSettings
    limits: Limits
    number: int = 0
    identity: Identity | None = None
    _topics: dict[str, None] = field(factory=dict)
    _opened: bool = False
    _bus_up: bool = True

    # -- connecting ---------------------------------------------------------------------------

    def requested(self, now: float) -> Sequence[Effect]:
        """Ask whose credential it is."""
        question = credential(self.request, self.settings.allowed_origins)
        return (self._refuse(refusal.MISSING),) if question is None else (Ask(1, question),)

    def origin_refused(self, now: float) -> Sequence[Effect]:
        """Refuse it in VoIPBIN's envelope."""
        return (self._refuse(refusal.FOREIGN),)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Let in who may come."""
        if not isinstance(answer, Identity):
            invalid = isinstance(answer, Denied)
            return (self._refuse(refusal.INVALID if invalid else refusal.UNKNOWN),)
        kind = answer.claims.get("kind")
        if kind == "delegate":
            return (refusal.NOTHING,)
        frozen = self._frozen(answer)
        if frozen is not None and kind != "direct" and not answer.claims.get("permission", 0) & SUPER_ADMIN:
            return (self._refuse(refusal.FROZEN, frozen),)
        self.identity = answer
        return (Accept(),)

    def _frozen(self, identity: Identity) -> Mapping[str, Any] | None:
        """Return the details of the identity's account if it is frozen."""
        for customer, account in self.settings.frozen_accounts.items():
            if canonical(customer) == identity.tenant:
                return {
                    "deletion_scheduled_at": account.deletion_scheduled_at,
                    "deletion_effective_at": account.deletion_effective_at,
                    "recovery_endpoint": account.recovery_endpoint,
                }
        details: Mapping[str, Any] | None = identity.claims.get("frozen")
        return details

    def _refuse(self, why: tuple[int, str, str, str], details: Mapping[str, Any] | None = None) -> Respond:
        return refusal.refusal(why, written(self.number), details)

    def opened(self, now: float) -> Sequence[Effect]:
        """Say nothing; see to the end of the token."""
        self._opened = True
        if not self._bus_up:
            return (Close(BUS_ERROR),)
        ends = None if self.identity is None else self.identity.expires
        return (SetTimer(_EXPIRY, ends),) if ends is not None and self.settings.close_on_expiry else ()

    # -- what the peer says -------------------------------------------------------------------

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Subscribe or unsubscribe, drop the connection, or ignore it."""
        if isinstance(message, bytes):
            return (Close(DROPPED, "a binary message"),)
        command = decode(message)
        if command is None or self.identity is None:
            return ()
        if not all(self._fits(topic) and may_subscribe(self.identity, topic) for topic in command.topics):
            return (Close(DROPPED, "a topic that it may not subscribe to"),)
        topics = self._after(command.type, command.topics)
        if topics == self._topics:
            return ()
        if self.limits.subscriptions and len(topics) > self.limits.subscriptions:
            return (Close(DROPPED, f"more than {self.limits.subscriptions} subscriptions"),)
        self._topics = topics
        return (self._listen(),)

    def _fits(self, topic: str) -> bool:
        return not self.limits.event_name or len(topic) <= self.limits.event_name

    def _after(self, kind: str, topics: Sequence[str]) -> dict[str, None]:
        """Return what is subscribed to after a command."""
        if kind == "subscribe":
            return self._topics | dict.fromkeys(topics)
        if kind == "unsubscribe":
            unwanted = frozenset(topics)
            return {topic: None for topic in self._topics if topic not in unwanted}
        return self._topics

    def _listen(self) -> Subscribe:
        """Listen to all topics as one interest: one frame of each event."""
        if not self._topics or self.identity is None:
            return Subscribe(frozenset())
        source = self.settings.source
        exchange = None if source is None else source.exchange
        return Subscribe(frozenset({interest(self.identity, self._topics, self.settings.shape, exchange)}))

    # -- time and the bus ---------------------------------------------------------------------

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """End with the token."""
        return (Close(EXPIRED),)

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """End the session; one that opens is ended then."""
        self._bus_up = False
        return (Close(BUS_LOST),) if self._opened else ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        """Go on."""
        self._bus_up = True
        return ()
