"""The session of one app: a state machine without I/O. Facts go in, effects come out.

A session has one challenge and permits one login. Before the login it replies only to the messages of the
login, because clients expect no others, and closes on a message to an API. After the login it replies to
every message that is not itself a reply, and no message ends the session.
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
    1008, "login failed", "The name of the app is unknown at this path, or its password is wrong.", Advice.FIX
)
LOGIN_LATE = CloseReason(1008, "login timeout", "The client did not log in in time.", Advice.FIX)
LOGIN_FIRST = CloseReason(
    1008, "login first", "The client sent something else before it logged in.", Advice.FIX
)

API = "Events"
"""The API that has `Subscribe` and `Unsubscribe`."""
LOGIN = "login"
"""Timer that closes the session if the app has not logged in."""
_WRONG_LOGIN = "the name or the digest is wrong"
_LOGIN_MESSAGES = {"AppChallenge", "AppLogin"}
_UNANSWERED = {"PbxInfo", "Error"}


@implementer(ISession)
@define(eq=False)
class InnovaphoneSession(BaseSession):
    """The state of one app.

    Attributes:
        apps: the apps that may log in at this path, by name.
        login_seconds: seconds within which an app must log in.
        limits: the section `limits`, for subscriptions.
        entropy: the random source of the challenge.
        identity: of the app; None before the login.
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
        """Start the timer of the login."""
        return (SetTimer(LOGIN, now + self.login_seconds),)

    def timer_fired(self, name: str, now: float) -> Sequence[Effect]:
        """Close the session if the app has not logged in."""
        return (Close(LOGIN_LATE),) if self.identity is None else ()

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Reply to a message; close the session on an invalid message before the login."""
        try:
            decoded = decode(message)
        except AppMessageError as error:
            return self._invalid(str(error))
        if self.identity is None:
            return self._before_login(decoded)
        try:
            return self._do(decoded)
        except AppMessageError as error:
            return (Send(decoded.error(str(error))),)

    def _invalid(self, why: str) -> Sequence[Effect]:
        if self.identity is None:
            return (Close(LOGIN_FIRST, why),)
        return (Send(AppMessage("", {}).error(why)),)

    # -- the login ----------------------------------------------------------------------------

    def _before_login(self, message: AppMessage) -> Sequence[Effect]:
        match message.mt:
            case "CheckBuild":
                return (Send(message.reply("CheckBuildResult")),)
            case "AppChallenge":
                return self._send_challenge(message)
            case "AppLogin":
                return self._log_in(message)
        # A client must not use an API before the login. Other unknown messages may come from newer clients.
        return (Close(LOGIN_FIRST, "a message to an API"),) if message.api is not None else ()

    def _send_challenge(self, message: AppMessage) -> Sequence[Effect]:
        """Send the challenge, which is the same for the whole connection."""
        if self._challenge is None:
            self._challenge = f"{self.entropy.getrandbits(64):016x}"
        return (Send(message.reply("AppChallengeResult", challenge=self._challenge)),)

    def _log_in(self, message: AppMessage) -> Sequence[Effect]:
        name = self._matching_app(message, self._challenge)
        if name is None:
            return (
                Send(message.reply("AppLoginResult", ok=False, error=_WRONG_LOGIN)),
                Close(LOGIN_FAILED),
            )
        if not self._bus_up:
            return (Close(BUS_ERROR),)  # no reply: after a successful login clients reconnect without delay
        app = self.apps[name]
        self.identity = Identity(
            subject=name,
            tenant=app.tenant_uuid or EVERY,
            acl=tuple(app.acl),
            reach="all" if app.tenant_uuid is None else "tenant",
        )
        return (SetTimer(LOGIN, None), Send(message.reply("AppLoginResult", ok=True)))

    def _matching_app(self, message: AppMessage, challenge: str | None) -> str | None:
        """Return the name of the app if the digest is correct, else None; in equal time for unknown apps."""
        try:
            login, digest = _login(message), message.text("digest")
        except AppMessageError:
            return None
        name = self._app_name(login.app)
        app = self.apps.get(name)
        password = app.password if app else f"{self.entropy.getrandbits(64):016x}"
        correct = login.digest_matches(digest, challenge or "", password)
        return name if correct and app and challenge else None

    def _app_name(self, name: str) -> str:
        """Return the name, or that of the only app at this path if the name is empty."""
        return next(iter(self.apps)) if not name and len(self.apps) == 1 else name

    # -- afterwards ---------------------------------------------------------------------------

    def _do(self, message: AppMessage) -> Sequence[Effect]:
        actions = _BASE | _EVENTS if message.api in (None, API) else _BASE
        if action := actions.get(message.mt):
            return action(self, message)
        if message.mt in _UNANSWERED or message.mt.endswith("Result"):
            return ()  # a reply to a reply could start an endless exchange
        if not message.mt:
            raise AppMessageError("mt is missing, not a string, or too long")
        raise AppMessageError("already logged in" if message.mt in _LOGIN_MESSAGES else "unknown message")

    def _check_build(self, message: AppMessage) -> Sequence[Effect]:
        return (Send(message.reply("CheckBuildResult")),)

    def _keep_alive(self, message: AppMessage) -> Sequence[Effect]:
        """Reply: some clients close a connection on which they receive nothing."""
        return (Send(message.reply("KeepAlive")),)

    def _app_info(self, message: AppMessage) -> Sequence[Effect]:
        """Reply that the app has no user interface, and that the service has the API Events."""
        info: dict[str, Any] = {"hidden": True, "apis": {}}
        service = {"apis": {API: dict[str, Any]()}}
        app = self._identity().subject
        return (Send(message.reply("AppInfoResult", app=app, info=info, serviceInfo=service)),)

    def _check_login(self, message: AppMessage) -> Sequence[Effect]:
        """Reply whether a digest is correct for a challenge that the client has chosen."""
        correct = self._matching_app(message, message.text("challenge")) is not None
        return (Send(message.reply("AppCheckLoginResult", ok=correct)),)

    # -- events -------------------------------------------------------------------------------

    def _subscribe(self, message: AppMessage) -> Sequence[Effect]:
        src = self._src(message)
        filter_ = message.parts.get("filter")
        if filter_ and len(filter_.text) > CHARACTERS:
            raise AppMessageError(f"filter has more than {CHARACTERS} characters")
        identity, names = self._identity(), self._names(message.value("events"))
        self._check_limit(src, len(names))
        access = compile_acl(identity.acl)
        self._subscriptions[src] = Interest(
            names=names,
            filter=make_filter(filter_.value if filter_ else None),
            src=src,
            tenant=None if identity.reach == "all" else identity.tenant,
            access=access,
            me=identity.subject if access.personal else "",
        )
        return (Send(message.reply("SubscribeResult")), self._update_interests())

    def _unsubscribe(self, message: AppMessage) -> Sequence[Effect]:
        if self._subscriptions.pop(self._src(message), None) is None:
            raise AppMessageError("there is no subscription with this src")
        return (Send(message.reply("UnsubscribeResult")), self._update_interests())

    def _src(self, message: AppMessage) -> str | None:
        """Return the key of a subscription: the JSON text of its `src`."""
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

    def _check_limit(self, src: str | None, count: int) -> None:
        """Check the limit for `count` more names. A subscription with the same `src` is replaced."""
        others = sum(len(one.names) for key, one in self._subscriptions.items() if key != src)
        if self.limits.subscriptions and others + count > self.limits.subscriptions:
            raise AppMessageError(f"more than {self.limits.subscriptions} event names in all subscriptions")

    def _update_interests(self) -> Subscribe:
        return Subscribe(frozenset(self._subscriptions.values()))

    def _identity(self) -> Identity:
        assert self.identity is not None  # noqa: S101 called after the login only
        return self.identity

    # -- the bus ------------------------------------------------------------------------------

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Close the session. Before the login, wait: a wrong password has its own close reason."""
        self._bus_up = False
        return () if self.identity is None else (Close(BUS_LOST),)

    def bus_back(self, now: float) -> Sequence[Effect]:
        self._bus_up = True
        return ()


_Actions = dict[str, Callable[[InnovaphoneSession, AppMessage], Sequence[Effect]]]
_BASE: _Actions = {
    "CheckBuild": InnovaphoneSession._check_build,  # noqa: SLF001 the class's own table
    "KeepAlive": InnovaphoneSession._keep_alive,  # noqa: SLF001
    "AppInfo": InnovaphoneSession._app_info,  # noqa: SLF001
    "AppCheckLogin": InnovaphoneSession._check_login,  # noqa: SLF001
}
"""The messages that are valid with any `api`."""
_EVENTS: _Actions = {
    "Subscribe": InnovaphoneSession._subscribe,  # noqa: SLF001
    "Unsubscribe": InnovaphoneSession._unsubscribe,  # noqa: SLF001
}


def _login(message: AppMessage) -> AppLogin:
    """Return the fields that a digest covers, with `info` exactly as sent. Raises AppMessageError."""
    info = message.parts.get("info")
    return AppLogin(
        app=message.text("app"),
        domain=message.text("domain"),
        sip=message.text("sip"),
        guid=message.text("guid"),
        dn=message.text("dn"),
        info=info.text if info else None,
    )
