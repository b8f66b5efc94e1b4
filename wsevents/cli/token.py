"""`wsevents token`: what a token is worth, as the configured authority says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from wsevents.cli import options
from wsevents.cli.output import PROBLEM, CommandError, note, say, show
from wsevents.cli.sessions import span
from wsevents.core.acl import compile_acl

if TYPE_CHECKING:
    from pathlib import Path

    from wsevents.api.identity import Identity
    from wsevents.api.settings import Auth, Config

CONNECT = "websocketd"
"""What a token must grant so that one may connect with it."""
_MASTER_SECONDS = 5.0
_REACHES = {
    "user": "events for this user and for every user of the tenant",
    "tenant": "all events of the tenant",
    "all": "all events of every tenant",
}


@click.command(
    short_help="Say what a token is worth.",
    epilog=options.examples(
        "WSEVENTS_TOKEN=… wsevents token",
        "wsevents token - < ~/.wsevents-token",
        "wsevents token - --event call_created --event user_status_updated",
        "wsevents token - --required-acl events.calls.7f523550-03cf-4dac-a858-cb8afdb34775",
    ),
)
@click.argument("token", required=False)
@click.option(
    "--event",
    "events",
    metavar="NAME",
    multiple=True,
    help="Say whether it sees events of this name, if they require the ACL `events.NAME`; repeatable.",
)
@click.option(
    "--required-acl",
    "required",
    metavar="ACL",
    multiple=True,
    help="Say whether it sees events that require this ACL; repeatable.",
)
@options.config
@options.as_json
@click.pass_context
def token(
    ctx: click.Context,
    token: str | None,
    events: tuple[str, ...],
    required: tuple[str, ...],
    config: Path,
    as_json: bool,
) -> None:
    """Say whose a token is, when it ends, whether one may connect with it, and what one would see.

    TOKEN is looked up where the gateway looks it up: at wazo-auth, or in the configuration. Without TOKEN it
    is that of the variable WSEVENTS_TOKEN, with '-' that of standard input. Prefer these: everybody on this
    machine can see arguments (`ps`), and the shell keeps them. The token itself is never printed.

    The publisher of an event says what it requires, `required_acl`: often more than the name, such as the
    uuid of a user.

    Exit status: 0 if one may connect, and sees all that was asked about; 1 if not, or if nobody can be asked.
    """
    text = options.token_from(token)
    verdict = _verdict(text, options.load(config), [f"events.{name}" for name in events] + list(required))
    labels = [*events, *(None for _ in required)]
    if as_json:
        show(verdict.document(labels))
    else:
        verdict.tell(labels)
    if not (verdict.connects.yes and all(one.yes for one in verdict.sights)):
        ctx.exit(PROBLEM)


def _verdict(text: str, config: Config, required: list[str]) -> Verdict:
    """Ask the authority. Raises Refusal: it says no, or nothing."""
    from wsevents.api.identity import Denied, Identity
    from wsevents.cli.reactor_run import react

    answer = react(lambda reactor: _ask(reactor, text, config.auth))
    if isinstance(answer, Identity):
        access = [_sight(answer, one) for one in required]
        return Verdict(answer, _sight(answer, CONNECT), access, time.time())
    if isinstance(answer, Denied):
        raise CommandError(answer.why)
    raise CommandError(f"{_authority(config.auth)} cannot be asked about tokens: {answer.why}")


def _authority(auth: Auth) -> str:
    if auth.type != "wazo":
        return f"the authenticator {auth.type}"
    from wsevents.auth.wazo import REMEDY

    given: Any = auth
    scheme = "https" if given.https else "http"
    return f"wazo-auth at {scheme}://{given.host}:{given.port}{given.prefix} ({REMEDY})"


async def _ask(reactor: Any, text: str, auth: Auth) -> Any:
    """Return the answer of the authority, when it knows the master tenant if it can."""
    from twisted.internet.defer import Deferred, maybeDeferred

    from wsevents.api.identity import Describe, Identity
    from wsevents.config.plugins import Plugins

    authenticator = Plugins().authenticator(auth.type).create(auth, reactor)
    known: Deferred[None] = Deferred()
    authenticator.watch(lambda: None if known.called else known.callback(None))
    authenticator.startService()
    try:
        answer = await authenticator.answer(Describe(text), time.time())
        if isinstance(answer, Identity) and _has_account(auth):
            known.addTimeout(_MASTER_SECONDS, reactor, onTimeoutCancel=_unknown)
            await known
            answer = authenticator.revise(answer)
        return answer
    finally:
        await maybeDeferred(authenticator.stopService)


def _has_account(auth: Auth) -> bool:
    return bool(getattr(auth, "service_id", None) or getattr(auth, "key_file", None))


def _unknown(_result: object, _seconds: float) -> None:
    note("the master tenant is not known: the service account of `auth:` is not accepted, or not in time")


@frozen
class Sight:
    """Whether an ACL is granted, and by which pattern that was decided; None: by none."""

    required: str
    yes: bool
    by: str | None

    @property
    def why(self) -> str:
        """Return it in words."""
        if self.by is None:
            return "no pattern of its ACL grants it"
        return f"granted by {self.by}" if self.yes else f"taken away by {self.by}"


def _sight(identity: Identity, required: str) -> Sight:
    def matching(patterns: list[str]) -> str | None:
        return next((one for one in patterns if _grants(one.removeprefix("!"), identity, required)), None)

    against = matching([one for one in identity.acl if one.startswith("!")])
    by = against or matching([one for one in identity.acl if not one.startswith("!")])
    return Sight(required, by is not None and against is None, by)


def _grants(pattern: str, identity: Identity, required: str) -> bool:
    return compile_acl((pattern,)).may_see(required, identity.subject, identity.session)


@frozen
class Verdict:
    """What a token is worth, at a time."""

    identity: Identity
    connects: Sight
    sights: list[Sight]
    now: float

    @property
    def patterns(self) -> list[str]:
        """The patterns of its ACL that are about events, in order."""
        return [one for one in self.identity.acl if _is_of_events(one.removeprefix("!"))]

    def document(self, labels: list[str | None]) -> dict[str, Any]:
        """Return it as JSON values."""
        one = self.identity
        return {
            "user": one.subject,
            "tenant": one.tenant,
            "session": one.session,
            "reach": one.reach,
            "expires": one.expires,
            "seconds_left": None if one.expires is None else round(one.expires - self.now),
            "acl": list(one.acl),
            "may_connect": self.connects.yes,
            "sees": [
                {"event": label, "required_acl": sight.required, "yes": sight.yes, "why": sight.why}
                for label, sight in zip(labels, self.sights, strict=True)
            ],
        }

    def tell(self, labels: list[str | None]) -> None:
        """Print it."""
        one = self.identity
        say(f"user      {one.subject}")
        say(f"tenant    {one.tenant}")
        if one.session is not None:
            say(f"session   {one.session}")
        say(f"reach     {one.reach}: {_REACHES.get(one.reach, 'unknown')}")
        say(f"expires   {self._expiry()}")
        say(f"connects  {_word(self.connects)}")
        others = len(one.acl) - len(self.patterns)
        rest = f" (and {others} not about events)" if others else ""
        say(f"acl       {' '.join(self.patterns) or 'nothing about events'}{rest}")
        for label, sight in zip(labels, self.sights, strict=True):
            name = f"{label}, if it requires {sight.required}" if label else sight.required
            say(f"sees      {name}: {_word(sight)}")

    def _expiry(self) -> str:
        expires = self.identity.expires
        if expires is None:
            return "never"
        left = expires - self.now
        when = datetime.fromtimestamp(expires, UTC)
        return f"{when:%Y-%m-%d %H:%M:%S} UTC, {'in ' + span(left) if left > 0 else 'which has passed'}"


def _is_of_events(pattern: str) -> bool:
    """Say whether an ACL that begins with `events.` could match the pattern."""
    first = pattern.split(".", 1)[0]
    return first == "events" or not first.isalnum()


def _word(sight: Sight) -> str:
    return f"{'yes' if sight.yes else 'no'}, {sight.why}"
