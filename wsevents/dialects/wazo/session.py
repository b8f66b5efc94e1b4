"""The conversation with one Wazo peer.

Rule 1: everything that decides what such a session does next is here.
Rule 2: nothing here knows of sockets, clocks or brokers; facts come in, effects go out.

A session first asks whose token it is; the peer is not read meanwhile, so a bad token beats a bad
message. Then it says `init`, takes commands, and from `start` on listens. Its token is looked at
again from time to time; `token` replaces it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field
from zope.interface import implementer

from wsevents.api.close_reasons import (
    AUTH_EXPIRED,
    AUTH_FAILED,
    BUS_ERROR,
    BUS_LOST,
    INTERNAL_ERROR,
    NO_TOKEN,
    PROTOCOL_ERROR,
)
from wsevents.api.effects import Ask, Close, Send, SetTimer, Subscribe
from wsevents.api.identity import Check, Confirmed, Denied, Faulty, Identity, Unavailable, WhoIs
from wsevents.api.interfaces import ISession
from wsevents.api.session import BaseSession
from wsevents.dialects.wazo.command import (
    PingCommand,
    StartCommand,
    SubscribeCommand,
    TokenCommand,
    UnsubscribeCommand,
    WazoCommandError,
    decode,
)
from wsevents.dialects.wazo.interest import EVERY, WazoInterest, interest
from wsevents.dialects.wazo.recheck import next_check, next_try

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsevents.api.effects import Effect
    from wsevents.api.identity import Answer
    from wsevents.api.requests import Request
    from wsevents.api.settings import Auth, Limits
    from wsevents.dialects.wazo.command import Command

VERSIONS = (1, 2)
RECHECK = "recheck"
"""The alarm for the next look at the token."""
EXPIRY = "expiry"
"""The alarm for the end of a token that the authority takes too long to look at."""
_GRACE = 0.5
"""An authority that is asked at the moment of expiry may take so many seconds to say so."""


def reply(op: str, data: Any = None) -> Send:
    """Return a control reply: `msg` as the first clients expect it, `data` as today's do."""
    return Send(json.dumps({"op": op, "code": 0, "msg": "", "data": data}))


@define
class _Pending:
    """The question that was put to the authority last; answers to earlier ones no longer matter."""

    id: int
    purpose: str
    token: str = field(repr=False)


@implementer(ISession)
@define(eq=False)
class WazoSession(BaseSession):
    """One peer's state."""

    request: Request
    auth: Auth
    limits: Limits
    identity: Identity | None = None
    _version: int = 1
    _token: str = field(default="", repr=False)
    _interests: dict[str, WazoInterest] = field(factory=dict)
    _started: bool = False
    _bus_up: bool = True
    _pending: _Pending | None = None
    _asked: int = 0

    # -- connecting ---------------------------------------------------------------------------

    def opened(self, now: float) -> Sequence[Effect]:
        """Check version, then token, then ask whose it is."""
        version = wanted_version(self.request)
        if version is None:
            return (Close(PROTOCOL_ERROR, "unknown protocol version"),)
        self._version = version
        token = offered_token(self.request)
        if not token:
            return (Close(NO_TOKEN),)
        return (self._ask("connect", token),)

    def _ask(self, purpose: str, token: str) -> Ask:
        """Put a question about a token; only the last one asked counts."""
        self._asked += 1
        self._pending = _Pending(self._asked, purpose, token)
        briefly = purpose == RECHECK and self.auth.check_strategy == "static"
        question = Check(token) if briefly else WhoIs(token)
        return Ask(self._asked, question, hold=purpose != RECHECK)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Go on with what the question was for."""
        pending = self._pending
        if pending is None or pending.id != id:
            return ()
        self._pending = None
        if pending.purpose == RECHECK:
            return self._rechecked(answer, now)
        if not isinstance(answer, Identity):
            return (_refusal(answer),)
        self._token = pending.token
        if pending.purpose == "connect":
            return self._connected(answer, now)
        return (*self._acknowledge("token"), *self._become(answer, now))

    def _connected(self, identity: Identity, now: float) -> Sequence[Effect]:
        self.identity = identity
        if not self._bus_up:
            return (Close(BUS_ERROR),)
        return (reply("init", {"version": self._version}), self._wake(now))

    # -- commands -----------------------------------------------------------------------------

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Do what the peer says, or end the session if it makes no sense."""
        try:
            return self._do(decode(message), now)
        except WazoCommandError as mistake:
            return (Close(PROTOCOL_ERROR, str(mistake)),)

    def _do(self, command: Command, now: float) -> Sequence[Effect]:
        match command:
            case StartCommand():
                self._started = True
                return (reply("start"), *self._listen())
            case SubscribeCommand(name):
                added = self._add(name)
                return (*self._acknowledge("subscribe"), *(self._listen() if added else ()))
            case UnsubscribeCommand(name):
                removed = self._interests.pop(name, None)
                return (*self._acknowledge("unsubscribe"), *(self._listen() if removed else ()))
            case TokenCommand(token):
                return (self._ask("token", token),)
            case PingCommand(payload):
                return () if self._version == 1 else (reply("pong", {"payload": payload}),)

    def _add(self, name: str) -> bool:
        """Subscribe to a name; say whether that is new."""
        limits = self.limits
        if limits.event_name and len(name) > limits.event_name:
            raise WazoCommandError(f"an event name of more than {limits.event_name} characters")
        if name in self._interests:
            return False
        if limits.subscriptions and len(self._interests) >= limits.subscriptions:
            raise WazoCommandError(f"more than {limits.subscriptions} subscriptions")
        self._interests[name] = self._interest(name)
        return True

    def _interest(self, name: str) -> WazoInterest:
        assert self.identity is not None  # noqa: S101 nothing is received from a peer before it is known
        return interest(self.identity, name, f"v{self._version}")

    def _acknowledge(self, op: str) -> Sequence[Effect]:
        """In version 1, nothing but events (and `start`) is sent once started."""
        return () if self._started and self._version == 1 else (reply(op),)

    def _listen(self) -> Sequence[Effect]:
        """Listen to what is wanted and may be seen; events before `start` are nobody's.

        At most one interest matches an event, so that one copy is sent.
        """
        if not self._started:
            return ()
        every = self._interests.get(EVERY)
        return (Subscribe(frozenset(self._interests.values() if every is None else (every,))),)

    # -- the token over time ------------------------------------------------------------------

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """Look at the token again, unless a new one is being looked at already."""
        if name == EXPIRY:
            return (
                (Close(AUTH_EXPIRED, "it ended while the authority was asked"),) if self._rechecking else ()
            )
        if self._pending is not None:
            return ()
        ask = self._ask(RECHECK, self._token)
        expires = None if self.identity is None else self.identity.expires
        return (ask,) if expires is None else (SetTimer(EXPIRY, max(now, expires) + _GRACE), ask)

    @property
    def _rechecking(self) -> bool:
        return self._pending is not None and self._pending.purpose == RECHECK

    def _rechecked(self, answer: Answer, now: float) -> Sequence[Effect]:
        if isinstance(answer, Identity):
            return self._become(answer, now)
        if isinstance(answer, Confirmed):
            return (self._wake(now),)
        if isinstance(answer, Denied):
            return (Close(AUTH_EXPIRED, answer.why),)
        assert self.identity is not None  # noqa: S101 only a connected session has alarms
        again = next_try(self.auth, now, self.identity.expires)
        if again is None:
            return (Close(AUTH_EXPIRED, f"it ended while the authority could not be asked: {answer.why}"),)
        return (SetTimer(RECHECK, again),)

    def identity_changed(self, answer: Answer, now: float) -> Sequence[Effect]:
        """Be what the authority now says; it was not asked."""
        if self.identity is None:
            return ()
        if isinstance(answer, Denied):
            return (Close(AUTH_EXPIRED, answer.why),)
        if isinstance(answer, Identity) and answer != self.identity:
            return self._become(answer, now)
        return ()

    def _become(self, identity: Identity, now: float) -> Sequence[Effect]:
        self.identity = identity
        self._interests = {name: self._interest(name) for name in self._interests}
        return (*self._listen(), self._wake(now))

    def _wake(self, now: float) -> SetTimer:
        assert self.identity is not None  # noqa: S101 called by those who have set it
        return SetTimer(RECHECK, next_check(self.auth, now, self.identity.expires))

    # -- the bus ------------------------------------------------------------------------------

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """End the session; one that is still connecting hears of a bad token first."""
        self._bus_up = False
        return () if self.identity is None else (Close(BUS_LOST),)

    def bus_back(self, now: float) -> Sequence[Effect]:
        """A session that is still connecting will find the bus up."""
        self._bus_up = True
        return ()


def _refusal(answer: Answer) -> Close:
    if isinstance(answer, Faulty):
        return Close(INTERNAL_ERROR, answer.why)
    why = answer.why if isinstance(answer, Denied | Unavailable) else "no identity"
    return Close(AUTH_FAILED, why)


def wanted_version(request: Request) -> int | None:
    """Return the protocol version that a request wants: 1 if it does not say, None if there is no such."""
    values = request.query.get("version")
    if not values:
        return 1
    try:
        version = int(values[0])
    except ValueError:
        return None
    return version if version in VERSIONS else None


def offered_token(request: Request) -> str:
    """Return the token of a request, the query's before the header's; "" if there is none."""
    values = request.query.get("token")
    return values[0] if values else request.headers.get("x-auth-token", "").strip()
