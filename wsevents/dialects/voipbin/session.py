"""The session of one VoIPBIN peer: a state machine without I/O. Facts go in, effects come out.

Rule 1: the session checks the credential once, before the upgrade. Later it checks only the expiry.
Rule 2: the session replies to no message and ignores invalid ones. A binary message, or a topic that the
client may not subscribe to, drops the connection without a close frame, and the command has no effect.
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
    1008, "token expired", "The token or the access key has expired.", Advice.TOKEN, expiry=True
)
_EXPIRY = "expiry"


@implementer(ISession)
@define(eq=False)
class VoipbinSession(BaseSession):
    """The state of one peer.

    Attributes:
        request: the HTTP request of the peer.
        settings: the section `dialects.voipbin`.
        limits: the section `limits`.
        number: 128 random bits, the `request_id` of an error response.
        identity: of the credential; None until the authority has confirmed it.
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
        """Ask the authority about the credential; respond with 401 if the request has none."""
        question = credential(self.request, self.settings.allowed_origins)
        return (self._refuse(refusal.MISSING),) if question is None else (Ask(1, question),)

    def origin_refused(self, now: float) -> Sequence[Effect]:
        return (self._refuse(refusal.FOREIGN),)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Accept the request, or respond with the error."""
        if not isinstance(answer, Identity):
            invalid = isinstance(answer, Denied)
            return (self._refuse(refusal.INVALID if invalid else refusal.UNKNOWN),)
        kind = answer.claims.get("kind")
        if kind == "delegate":
            return (refusal.EMPTY,)
        frozen = self._frozen(answer)
        if frozen is not None and kind != "direct" and not answer.claims.get("permission", 0) & SUPER_ADMIN:
            return (self._refuse(refusal.FROZEN, frozen),)
        self.identity = answer
        return (Accept(),)

    def _frozen(self, identity: Identity) -> Mapping[str, Any] | None:
        """Return the details of the frozen account of an identity; None: the account is not frozen."""
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
        """Start the timer of the expiry. VoIPBIN sends no first message."""
        self._opened = True
        if not self._bus_up:
            return (Close(BUS_ERROR),)
        ends = None if self.identity is None else self.identity.expires
        return (SetTimer(_EXPIRY, ends),) if ends is not None and self.settings.close_on_expiry else ()

    # -- commands -----------------------------------------------------------------------------

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Execute a command. All topics of a command must be permitted, or none takes effect."""
        if isinstance(message, bytes):
            return (Close(DROPPED, "a binary message"),)
        command = decode(message)
        if command is None or self.identity is None:
            return ()
        if not all(self._fits(topic) and may_subscribe(self.identity, topic) for topic in command.topics):
            return (Close(DROPPED, "a topic that the client may not subscribe to"),)
        topics = self._topics_after(command.type, command.topics)
        if topics == self._topics:
            return ()
        if self.limits.subscriptions and len(topics) > self.limits.subscriptions:
            return (Close(DROPPED, f"more than {self.limits.subscriptions} subscriptions"),)
        self._topics = topics
        return (self._update_interests(),)

    def _fits(self, topic: str) -> bool:
        return not self.limits.event_name or len(topic) <= self.limits.event_name

    def _topics_after(self, kind: str, topics: Sequence[str]) -> dict[str, None]:
        """Return the subscribed topics after a command."""
        if kind == "subscribe":
            return self._topics | dict.fromkeys(topics)
        if kind == "unsubscribe":
            unwanted = frozenset(topics)
            return {topic: None for topic in self._topics if topic not in unwanted}
        return self._topics

    def _update_interests(self) -> Subscribe:
        """Make one interest of all topics, so that the peer gets one frame of each event."""
        if not self._topics or self.identity is None:
            return Subscribe(frozenset())
        source = self.settings.source
        exchange = None if source is None else source.exchange
        return Subscribe(frozenset({interest(self.identity, self._topics, self.settings.shape, exchange)}))

    # -- time and the bus ---------------------------------------------------------------------

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """Close the session because the credential has expired."""
        return (Close(EXPIRED),)

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Close the session, or, if it is not open yet, when it opens."""
        self._bus_up = False
        return (Close(BUS_LOST),) if self._opened else ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        self._bus_up = True
        return ()
