"""`wsevents token`: shows the owner, the expiry and the rights of a token."""

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
"""The ACL that a token must grant to connect."""
_MASTER_SECONDS = 5.0
_REACHES = {
    "user": "events for this user and for every user of the tenant",
    "tenant": "all events of the tenant",
    "all": "all events of every tenant",
}


@click.command(
    short_help="Show the owner and the rights of a token.",
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
    help="Show whether the token may see events that require the ACL `events.NAME`; repeatable.",
)
@click.option(
    "--required-acl",
    "required",
    metavar="ACL",
    multiple=True,
    help="Show whether the token may see events that require this ACL; repeatable.",
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
    """Show the user, the tenant, the expiry and the rights of a token.

    The command asks the gateway's authenticator: wazo-auth, or the configuration. Without TOKEN it reads the
    variable WSEVENTS_TOKEN, with '-' standard input. Prefer these: all users of this machine can see
    arguments (`ps`), and the shell stores them in its history. The command never prints the token.

    The publisher of an event sets its `required_acl`. It often has more than the name, such as the uuid of a
    user.

    Exit status: 0 if the token may connect and may see all given events; 1 if not, or if the authenticator
    does not answer.
    """
    text = options.token_from(token)
    report = _report(text, options.load(config), [f"events.{name}" for name in events] + list(required))
    labels = [*events, *(None for _ in required)]
    if as_json:
        show(report.document(labels))
    else:
        report.print(labels)
    if not (report.connects.granted and all(one.granted for one in report.decisions)):
        ctx.exit(PROBLEM)


def _report(text: str, config: Config, required: list[str]) -> TokenReport:
    """Ask the authenticator about a token. Raises CommandError: it rejects the token, or does not answer."""
    from wsevents.api.identity import Denied, Identity
    from wsevents.cli.reactor_run import react

    answer = react(lambda reactor: _ask(reactor, text, config.auth))
    if isinstance(answer, Identity):
        decisions = [_decide(answer, one) for one in required]
        return TokenReport(answer, _decide(answer, CONNECT), decisions, time.time())
    if isinstance(answer, Denied):
        raise CommandError(answer.why)
    raise CommandError(f"{_authenticator_name(config.auth)} cannot check the token: {answer.why}")


def _authenticator_name(auth: Auth) -> str:
    if auth.type != "wazo":
        return f"the authenticator {auth.type}"
    from wsevents.auth.wazo import REMEDY

    given: Any = auth
    scheme = "https" if given.https else "http"
    return f"wazo-auth at {scheme}://{given.host}:{given.port}{given.prefix} ({REMEDY})"


async def _ask(reactor: Any, text: str, auth: Auth) -> Any:
    """Return the authenticator's answer; with a service account, wait until it knows the master tenant."""
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
    note(
        "the master tenant is not known: wazo-auth rejected the service account, or did not answer in time; "
        "check the service account in `auth:`"
    )


@frozen
class AclDecision:
    """Whether the ACL of a token grants a required ACL.

    Attributes:
        required: the required ACL.
        granted: the token has it.
        pattern: pattern of the token's ACL that decides; None: no pattern matches.
    """

    required: str
    granted: bool
    pattern: str | None

    @property
    def why(self) -> str:
        """The reason of the decision."""
        if self.pattern is None:
            return "no pattern of its ACL grants it"
        return f"granted by {self.pattern}" if self.granted else f"denied by {self.pattern}"


def _decide(identity: Identity, required: str) -> AclDecision:
    def matching(patterns: list[str]) -> str | None:
        return next((one for one in patterns if _grants(one.removeprefix("!"), identity, required)), None)

    against = matching([one for one in identity.acl if one.startswith("!")])
    by = against or matching([one for one in identity.acl if not one.startswith("!")])
    return AclDecision(required, by is not None and against is None, by)


def _grants(pattern: str, identity: Identity, required: str) -> bool:
    return compile_acl((pattern,)).may_see(required, identity.subject, identity.session)


@frozen
class TokenReport:
    """The identity and the rights of a token.

    Attributes:
        identity: the authenticator's answer.
        connects: whether the token may connect.
        decisions: whether the token may see each event in question.
        now: time of the answer, in seconds since the epoch.
    """

    identity: Identity
    connects: AclDecision
    decisions: list[AclDecision]
    now: float

    @property
    def patterns(self) -> list[str]:
        """The patterns of its ACL that can match events, in order."""
        return [one for one in self.identity.acl if _can_match_events(one.removeprefix("!"))]

    def document(self, labels: list[str | None]) -> dict[str, Any]:
        """Return the report as JSON values; `labels` has the event names of `decisions`, or None."""
        one = self.identity
        return {
            "user": one.subject,
            "tenant": one.tenant,
            "session": one.session,
            "reach": one.reach,
            "expires": one.expires,
            "seconds_left": None if one.expires is None else round(one.expires - self.now),
            "acl": list(one.acl),
            "may_connect": self.connects.granted,
            "sees": [
                {"event": label, "required_acl": each.required, "yes": each.granted, "why": each.why}
                for label, each in zip(labels, self.decisions, strict=True)
            ],
        }

    def print(self, labels: list[str | None]) -> None:
        """Print the report; `labels` has the event names of `decisions`, or None."""
        one = self.identity
        say(f"user      {one.subject}")
        say(f"tenant    {one.tenant}")
        if one.session is not None:
            say(f"session   {one.session}")
        say(f"reach     {one.reach}: {_REACHES.get(one.reach, 'unknown')}")
        say(f"expires   {self._expiry()}")
        say(f"connects  {_text(self.connects)}")
        others = len(one.acl) - len(self.patterns)
        rest = f" (and {others} not about events)" if others else ""
        say(f"acl       {' '.join(self.patterns) or 'nothing about events'}{rest}")
        for label, each in zip(labels, self.decisions, strict=True):
            name = f"{label}, if it requires {each.required}" if label else each.required
            say(f"sees      {name}: {_text(each)}")

    def _expiry(self) -> str:
        expires = self.identity.expires
        if expires is None:
            return "never"
        left = expires - self.now
        when = datetime.fromtimestamp(expires, UTC)
        return f"{when:%Y-%m-%d %H:%M:%S} UTC, {'in ' + span(left) if left > 0 else 'expired'}"


def _can_match_events(pattern: str) -> bool:
    """Return whether a pattern can match an ACL that begins with `events.`."""
    first = pattern.split(".", 1)[0]
    return first == "events" or not first.isalnum()


def _text(decision: AclDecision) -> str:
    return f"{'yes' if decision.granted else 'no'}, {decision.why}"
