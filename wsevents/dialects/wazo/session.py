"""The session of one Wazo peer: a state machine without I/O. Facts go in, effects come out.

A session asks the authority about the token and reads nothing from the peer until the answer. So an
invalid token is reported before an invalid message. Then the session sends `init` and accepts commands.
From the command `start` on, the peer gets events. The session checks the token again at the times in
`recheck.py`; the command `token` replaces it.
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
"""Timer of the next check of the token."""
EXPIRY = "expiry"
"""Timer that ends the session if the token expires before the authority has answered a check."""
_ANSWER_SECONDS = 0.5
"""Seconds that the authority has to answer a check that is made when the token expires."""


def reply(op: str, data: Any = None) -> Send:
    """Return a control reply. Clients of version 1 need `msg`, clients of version 2 `data`."""
    return Send(json.dumps({"op": op, "code": 0, "msg": "", "data": data}))


@define
class _Pending:
    """The last question to the authority. The session ignores answers to earlier questions."""

    id: int
    purpose: str
    token: str = field(repr=False)


@implementer(ISession)
@define(eq=False)
class WazoSession(BaseSession):
    """The state of one peer.

    Attributes:
        request: the HTTP request of the peer.
        auth, limits: the sections of the configuration.
        identity: of the token; None until the authority has confirmed it.
    """

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
    _last_id: int = 0

    # -- connecting ---------------------------------------------------------------------------

    def opened(self, now: float) -> Sequence[Effect]:
        """Check the version, then that there is a token, then ask the authority about it."""
        version = requested_version(self.request)
        if version is None:
            return (Close(PROTOCOL_ERROR, "unknown protocol version"),)
        self._version = version
        token = token_of(self.request)
        if not token:
            return (Close(NO_TOKEN),)
        return (self._ask("connect", token),)

    def _ask(self, purpose: str, token: str) -> Ask:
        """Ask the authority about a token. Only the last question counts."""
        self._last_id += 1
        self._pending = _Pending(self._last_id, purpose, token)
        confirm_only = purpose == RECHECK and self.auth.check_strategy == "static"
        question = Check(token) if confirm_only else WhoIs(token)
        return Ask(self._last_id, question, hold=purpose != RECHECK)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Continue with the purpose of the question; ignore answers to earlier questions."""
        pending = self._pending
        if pending is None or pending.id != id:
            return ()
        self._pending = None
        if pending.purpose == RECHECK:
            return self._rechecked(answer, now)
        if not isinstance(answer, Identity):
            return (_rejection(answer),)
        self._token = pending.token
        if pending.purpose == "connect":
            return self._connected(answer, now)
        return (*self._acknowledge("token"), *self._set_identity(answer, now))

    def _connected(self, identity: Identity, now: float) -> Sequence[Effect]:
        self.identity = identity
        if not self._bus_up:
            return (Close(BUS_ERROR),)
        return (reply("init", {"version": self._version}), self._schedule_recheck(now))

    # -- commands -----------------------------------------------------------------------------

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Execute a command; close the session with 4004 if the message is not a valid command."""
        try:
            return self._do(decode(message), now)
        except WazoCommandError as error:
            return (Close(PROTOCOL_ERROR, str(error)),)

    def _do(self, command: Command, now: float) -> Sequence[Effect]:
        match command:
            case StartCommand():
                self._started = True
                return (reply("start"), *self._update_interests())
            case SubscribeCommand(name):
                added = self._add(name)
                return (*self._acknowledge("subscribe"), *(self._update_interests() if added else ()))
            case UnsubscribeCommand(name):
                removed = self._interests.pop(name, None)
                return (*self._acknowledge("unsubscribe"), *(self._update_interests() if removed else ()))
            case TokenCommand(token):
                return (self._ask("token", token),)
            case PingCommand(payload):
                return () if self._version == 1 else (reply("pong", {"payload": payload}),)

    def _add(self, name: str) -> bool:
        """Subscribe to a name; return False if the peer is already subscribed to it."""
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
        assert self.identity is not None  # noqa: S101 nothing is received before the identity is known
        return interest(self.identity, name, f"v{self._version}")

    def _acknowledge(self, op: str) -> Sequence[Effect]:
        """Reply to a command. After `start`, version 1 sends only events and replies to `start`."""
        return () if self._started and self._version == 1 else (reply(op),)

    def _update_interests(self) -> Sequence[Effect]:
        """Set the interests of the peer, once it has sent `start`.

        With a subscription to "*" the others are left out: a peer gets one copy of an event.
        """
        if not self._started:
            return ()
        every = self._interests.get(EVERY)
        return (Subscribe(frozenset(self._interests.values() if every is None else (every,))),)

    # -- the token over time ------------------------------------------------------------------

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """Check the token unless a question is open; at `EXPIRY`, close if a check is still unanswered."""
        if name == EXPIRY:
            return (
                (Close(AUTH_EXPIRED, "the token expired before the authority answered"),)
                if self._rechecking
                else ()
            )
        if self._pending is not None:
            return ()
        ask = self._ask(RECHECK, self._token)
        expires = None if self.identity is None else self.identity.expires
        return (ask,) if expires is None else (SetTimer(EXPIRY, max(now, expires) + _ANSWER_SECONDS), ask)

    @property
    def _rechecking(self) -> bool:
        return self._pending is not None and self._pending.purpose == RECHECK

    def _rechecked(self, answer: Answer, now: float) -> Sequence[Effect]:
        if isinstance(answer, Identity):
            return self._set_identity(answer, now)
        if isinstance(answer, Confirmed):
            return (self._schedule_recheck(now),)
        if isinstance(answer, Denied):
            return (Close(AUTH_EXPIRED, answer.why),)
        assert self.identity is not None  # noqa: S101 only a session with an identity has timers
        retry_at = next_try(self.auth, now, self.identity.expires)
        if retry_at is None:
            return (
                Close(
                    AUTH_EXPIRED, f"the token expired while the authority could not be asked: {answer.why}"
                ),
            )
        return (SetTimer(RECHECK, retry_at),)

    def identity_changed(self, answer: Answer, now: float) -> Sequence[Effect]:
        """Use the new identity, or close the session if its token was revoked."""
        if self.identity is None:
            return ()
        if isinstance(answer, Denied):
            return (Close(AUTH_EXPIRED, answer.why),)
        if isinstance(answer, Identity) and answer != self.identity:
            return self._set_identity(answer, now)
        return ()

    def _set_identity(self, identity: Identity, now: float) -> Sequence[Effect]:
        self.identity = identity
        self._interests = {name: self._interest(name) for name in self._interests}
        return (*self._update_interests(), self._schedule_recheck(now))

    def _schedule_recheck(self, now: float) -> SetTimer:
        assert self.identity is not None  # noqa: S101 every caller has set the identity
        return SetTimer(RECHECK, next_check(self.auth, now, self.identity.expires))

    # -- the bus ------------------------------------------------------------------------------

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Close the session. Before the authority has answered, wait: an invalid token has its own code."""
        self._bus_up = False
        return () if self.identity is None else (Close(BUS_LOST),)

    def bus_back(self, now: float) -> Sequence[Effect]:
        self._bus_up = True
        return ()


def _rejection(answer: Answer) -> Close:
    if isinstance(answer, Faulty):
        return Close(INTERNAL_ERROR, answer.why)
    why = answer.why if isinstance(answer, Denied | Unavailable) else "no identity"
    return Close(AUTH_FAILED, why)


def requested_version(request: Request) -> int | None:
    """Return the protocol version of a request: 1 by default, None for an unknown version."""
    values = request.query.get("version")
    if not values:
        return 1
    try:
        version = int(values[0])
    except ValueError:
        return None
    return version if version in VERSIONS else None


def token_of(request: Request) -> str:
    """Return the token of a request, from the query or else from the header; "" if it has no token."""
    values = request.query.get("token")
    return values[0] if values else request.headers.get("x-auth-token", "").strip()
