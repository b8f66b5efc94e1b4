"""The conversation with one app.

Rule 1: everything that decides what such a session does next is here.
Rule 2: nothing here knows of sockets, clocks or brokers; facts come in, effects go out.

A session gives out one challenge, which the first login uses up. Until that has succeeded nothing but
the three messages of the login is answered, since clients expect nothing else; afterwards every
message that is no answer itself is answered, and nothing that it says ends the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field
from zope.interface import implementer

from wsevents.api.close_reasons import BUS_ERROR, BUS_LOST, Advice, CloseReason
from wsevents.api.effects import Close, Effect, Send, SetTimer, Subscribe
from wsevents.api.identity import Identity
from wsevents.api.interfaces import ISession
from wsevents.api.session import BaseSession
from wsevents.core.acl import compile_acl
from wsevents.dialects.innovaphone.filter import CHARACTERS, make_filter
from wsevents.dialects.innovaphone.interest import EVERY, Interest
from wsevents.dialects.innovaphone.login import AppLogin
from wsevents.dialects.innovaphone.message import AppMessage, AppMessageError, decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from wsevents.api.settings import Limits
    from wsevents.dialects.innovaphone.settings import InnovaphoneApp

LOGIN_FAILED = CloseReason(
    1008, "login failed", "The app's name is unknown here, or its password is another one.", Advice.FIX
)
LOGIN_LATE = CloseReason(1008, "login timeout", "The client did not log in in time.", Advice.FIX)
LOGIN_FIRST = CloseReason(
    1008, "login first", "The client sent something else before it logged in.", Advice.FIX
)

API = "Events"
"""The API that subscriptions are addressed to."""
LOGIN = "login"
"""The alarm for a peer that does not log in."""
_NO_LOGIN = "the name or the digest is wrong"
_LATE = {"AppChallenge", "AppLogin"}
_SILENT = {"PbxInfo", "Error"}


@implementer(ISession)
@define(eq=False)
class InnovaphoneSession(BaseSession):
    """One app's state.

    Attributes:
        apps: those that may log in on this path, by name.
        login_seconds: how long that may take.
        limits: for subscriptions.
        entropy: for the challenge.
    """

    apps: Mapping[str, InnovaphoneApp]
    login_seconds: float
    limits: Limits
    entropy: Random = field(repr=False)
    identity: Identity | None = None
    _challenge: str | None = field(default=None, repr=False)
    _subscriptions: dict[str | None, Interest] = field(factory=dict)
    _bus_up: bool = True

    # -- connecting ---------------------------------------------------------------------------

    def opened(self, now: float) -> Sequence[Effect]:
        """Wait for the login, but not for ever."""
        return (SetTimer(LOGIN, now + self.login_seconds),)

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """It took too long."""
        return (Close(LOGIN_LATE),) if self.identity is None else ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Answer a message."""
        try:
            said = decode(message)
        except AppMessageError as mistake:
            return self._unreadable(str(mistake))
        if self.identity is None:
            return self._before_login(said)
        try:
            return self._do(said)
        except AppMessageError as mistake:
            return (Send(said.error(str(mistake))),)

    def _unreadable(self, why: str) -> Sequence[Effect]:
        if self.identity is None:
            return (Close(LOGIN_FIRST, why),)
        return (Send(AppMessage("", {}).error(why)),)

    # -- the login ----------------------------------------------------------------------------

    def _before_login(self, message: AppMessage) -> Sequence[Effect]:
        match message.mt:
            case "CheckBuild":
                return (Send(message.reply("CheckBuildResult")),)
            case "AppChallenge":
                return self._challenged(message)
            case "AppLogin":
                return self._log_in(message)
        # An API must not be used before the login; anything else might come early from a newer client.
        return (Close(LOGIN_FIRST, "a message to an API"),) if message.api is not None else ()

    def _challenged(self, message: AppMessage) -> Sequence[Effect]:
        """Say the challenge of this connection; there is one only."""
        if self._challenge is None:
            self._challenge = f"{self.entropy.getrandbits(64):016x}"
        return (Send(message.reply("AppChallengeResult", challenge=self._challenge)),)

    def _log_in(self, message: AppMessage) -> Sequence[Effect]:
        name = self._matching(message, self._challenge)
        if name is None:
            return (
                Send(message.reply("AppLoginResult", ok=False, error=_NO_LOGIN)),
                Close(LOGIN_FAILED),
            )
        if not self._bus_up:
            return (Close(BUS_ERROR),)  # a login that succeeds would make clients come back at once
        app = self.apps[name]
        self.identity = Identity(
            subject=name,
            tenant=app.tenant_uuid or EVERY,
            acl=tuple(app.acl),
            reach="all" if app.tenant_uuid is None else "tenant",
        )
        return (SetTimer(LOGIN, None), Send(message.reply("AppLoginResult", ok=True)))

    def _matching(self, message: AppMessage, challenge: str | None) -> str | None:
        """Return the name of the app whose digest this is, or None; for an unknown app it takes as long."""
        try:
            login, digest = _login(message), message.text("digest")
        except AppMessageError:
            return None
        name = self._named(login.app)
        app = self.apps.get(name)
        password = app.password if app else f"{self.entropy.getrandbits(64):016x}"
        right = login.answers(digest, challenge or "", password)
        return name if right and app and challenge else None

    def _named(self, name: str) -> str:
        """Return the name of the app that is meant: without one, the only app of this path."""
        return next(iter(self.apps)) if not name and len(self.apps) == 1 else name

    # -- afterwards ---------------------------------------------------------------------------

    def _do(self, message: AppMessage) -> Sequence[Effect]:
        acts = _BASE | _EVENTS if message.api in (None, API) else _BASE
        if act := acts.get(message.mt):
            return act(self, message)
        if message.mt in _SILENT or message.mt.endswith("Result"):
            return ()  # whoever answers answers could do so for ever
        if not message.mt:
            raise AppMessageError("mt is missing, not a string, or too long")
        raise AppMessageError("already logged in" if message.mt in _LATE else "unknown message")

    def _check_build(self, message: AppMessage) -> Sequence[Effect]:
        return (Send(message.reply("CheckBuildResult")),)

    def _keep_alive(self, message: AppMessage) -> Sequence[Effect]:
        """Answer: some clients give up a connection on which nothing comes."""
        return (Send(message.reply("KeepAlive")),)

    def _app_info(self, message: AppMessage) -> Sequence[Effect]:
        """Say that there is nothing to show, and which API there is."""
        info: dict[str, Any] = {"hidden": True, "apis": {}}
        service = {"apis": {API: dict[str, Any]()}}
        app = self._identity().subject
        return (Send(message.reply("AppInfoResult", app=app, info=info, serviceInfo=service)),)

    def _check_login(self, message: AppMessage) -> Sequence[Effect]:
        """Say whether a login, by its digest for a challenge of the peer's own, would be right here."""
        right = self._matching(message, message.text("challenge")) is not None
        return (Send(message.reply("AppCheckLoginResult", ok=right)),)

    # -- events -------------------------------------------------------------------------------

    def _subscribe(self, message: AppMessage) -> Sequence[Effect]:
        src = self._src(message)
        filter_ = message.parts.get("filter")
        if filter_ and len(filter_.text) > CHARACTERS:
            raise AppMessageError(f"filter has more than {CHARACTERS} characters")
        identity, names = self._identity(), self._names(message.value("events"))
        self._make_room(src, len(names))
        access = compile_acl(identity.acl)
        self._subscriptions[src] = Interest(
            names=names,
            filter=make_filter(filter_.value if filter_ else None),
            src=src,
            tenant=None if identity.reach == "all" else identity.tenant,
            access=access,
            me=identity.subject if access.personal else "",
        )
        return (Send(message.reply("SubscribeResult")), self._listen())

    def _unsubscribe(self, message: AppMessage) -> Sequence[Effect]:
        if self._subscriptions.pop(self._src(message), None) is None:
            raise AppMessageError("there is no subscription with this src")
        return (Send(message.reply("UnsubscribeResult")), self._listen())

    def _src(self, message: AppMessage) -> str | None:
        """Return what a subscription is known by: the text of its `src`."""
        part = message.parts.get("src")
        longest = self.limits.event_name
        if part and longest and len(part.text) > longest:
            raise AppMessageError(f"src has more than {longest} characters")
        return part.text if part else None

    def _names(self, given: Any) -> tuple[str, ...]:
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise AppMessageError('events is neither a list of names nor "*"')
        longest = self.limits.event_name
        if longest and any(len(name) > longest for name in names):
            raise AppMessageError(f"an event name has more than {longest} characters")
        return (EVERY,) if EVERY in names else tuple(sorted(set(names)))

    def _make_room(self, src: str | None, count: int) -> None:
        """Check that so many names more can be subscribed to; those of the same src are replaced."""
        others = sum(len(one.names) for key, one in self._subscriptions.items() if key != src)
        if self.limits.subscriptions and others + count > self.limits.subscriptions:
            raise AppMessageError(f"more than {self.limits.subscriptions} event names in all subscriptions")

    def _listen(self) -> Subscribe:
        return Subscribe(frozenset(self._subscriptions.values()))

    def _identity(self) -> Identity:
        assert self.identity is not None  # noqa: S101 nothing but the login is done before it is known
        return self.identity

    # -- the bus ------------------------------------------------------------------------------

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """End the session; one that has not logged in yet hears of a wrong password first."""
        self._bus_up = False
        return () if self.identity is None else (Close(BUS_LOST),)

    def bus_back(self, now: float) -> Sequence[Effect]:
        """A session that has not logged in yet will find the bus up."""
        self._bus_up = True
        return ()


_Acts = dict[str, Callable[[InnovaphoneSession, AppMessage], Sequence[Effect]]]
_BASE: _Acts = {
    "CheckBuild": InnovaphoneSession._check_build,  # noqa: SLF001 the class's own table
    "KeepAlive": InnovaphoneSession._keep_alive,  # noqa: SLF001
    "AppInfo": InnovaphoneSession._app_info,  # noqa: SLF001
    "AppCheckLogin": InnovaphoneSession._check_login,  # noqa: SLF001
}
"""What can be said whatever it is addressed to."""
_EVENTS: _Acts = {
    "Subscribe": InnovaphoneSession._subscribe,  # noqa: SLF001
    "Unsubscribe": InnovaphoneSession._unsubscribe,  # noqa: SLF001
}


def _login(message: AppMessage) -> AppLogin:
    """Return what a digest covers, `info` exactly as it came. Raises Mistake."""
    info = message.parts.get("info")
    return AppLogin(
        app=message.text("app"),
        domain=message.text("domain"),
        sip=message.text("sip"),
        guid=message.text("guid"),
        dn=message.text("dn"),
        info=info.text if info else None,
    )
