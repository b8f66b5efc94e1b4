"""`wsevents check-config`: whether the gateway would start with its configuration, and until when."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from attrs import define, field

from wsevents.cli import options
from wsevents.cli.output import PROBLEM, CommandError, note, say, show

if TYPE_CHECKING:
    from pathlib import Path

    from wsevents.api.settings import Config
    from wsevents.endpoints.check import Shown

SERVICE = "wsevents"
"""The user that the service runs as, where the Debian package is installed."""
WARN_DAYS = 30
"""Who looks hears of the end of a certificate earlier than the log speaks of it (`validity.SOON`)."""


@click.command(
    "check-config",
    short_help="Check a configuration and its certificates.",
    epilog=options.examples(
        "wsevents check-config",
        "wsevents check-config && systemctl reload wsevents",
        "sudo wsevents check-config --user wsevents ./new.yml",
        "wsevents check-config --json | jq '.listeners[].certificates[].days'",
    ),
)
@click.argument("file", type=options.FILE, default=options.DEFAULT)
@click.option(
    "--user",
    metavar="NAME",
    help=f"Read the files as this user; root alone can. For root the default is {SERVICE}, if there is one.",
)
@options.as_json
@click.pass_context
def check_config(ctx: click.Context, file: Path, user: str | None, as_json: bool) -> None:
    """Say whether the gateway would start with a configuration, without starting it.

    FILE and the *.yml of conf.d beside it are checked as the start checks them, with the files that they
    name: one line a problem, as the log would have it. Then the certificates of each listener: for which
    names they are, and how long they are valid. An expired one is a problem, one with less than 30 days left
    a warning.

    Nothing is connected to, and no port opened. Secrets that come from the environment (`password_env`) must
    be in that of this command, too.

    Exit status: 0 if it can be used, 1 if there is a problem.
    """
    if not os.geteuid():
        CheckReport(
            file
        ).check()  # so that all is imported that the other user perhaps cannot, in a checkout of root's
    reader = _become(user)
    report = CheckReport(file)
    report.check()
    if as_json:
        show(report.document(reader))
    else:
        report.tell(reader)
    if report.problems:
        ctx.exit(PROBLEM)


def _become(user: str | None) -> str:
    """Go on as a user, if that is wanted or fit; return the name of whoever reads the files now."""
    if os.geteuid():
        me = _name(os.geteuid())
        if user not in {None, me}:
            raise CommandError(f"only root can check as {user}; you are {me}")
        return me
    try:
        entry = pwd.getpwnam(user or SERVICE)
    except KeyError:
        if user is not None:
            raise CommandError(f"there is no user {user}") from None
        return _name(0)
    if entry.pw_uid:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    return entry.pw_name


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@define
class CheckReport:
    """What is found about a configuration.

    Attributes:
        problems: what keeps the gateway from starting, or its clients from connecting; a line each.
        warnings: what will, or may.
        listeners: for each, its key, its endpoint, whether it speaks TLS, and its certificates.
    """

    file: Path
    problems: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)
    listeners: list[dict[str, Any]] = field(factory=list)

    def check(self) -> None:
        """Find it."""
        from wsevents.api.errors import WseventsError

        try:
            config = self._assembled()
        except WseventsError as error:
            self.problems += str(error).splitlines()
            return
        now = datetime.now(UTC)
        for number, listener in enumerate(config.listen):
            self._listener(f"listen[{number}]", listener.endpoint, now)
        if config.status.endpoint is not None:
            self._listener("status.endpoint", config.status.endpoint, now)

    def _assembled(self) -> Config:
        """Do all that the start does before it opens ports. Raises WseventsError."""
        from twisted.internet import reactor
        from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
        from zope.interface import provider

        from wsevents.app.composition import Composition
        from wsevents.config.loader import load
        from wsevents.config.plugins import Plugins

        @provider(ILogObserver)
        def hear(event: Any) -> None:
            if event.get("log_level", LogLevel.debug) >= LogLevel.warn:
                self.warnings.append(formatEvent(event))

        plugins = Plugins()
        config = load(self.file, plugins, os.environ)
        globalLogPublisher.addObserver(hear)
        try:
            Composition(reactor, config, plugins).gateway()
        finally:
            globalLogPublisher.removeObserver(hear)
        return config

    def _listener(self, key: str, endpoint: str, now: datetime) -> None:
        from wsevents.endpoints.check import certificates

        shown = certificates(endpoint)
        for one in shown:
            self._validity(f"{self.file}: {key}: the certificate {one.file}", one, now)
        self.listeners.append(
            {
                "key": key,
                "endpoint": endpoint,
                "tls": bool(shown),
                "certificates": [
                    {
                        "file": one.file,
                        "names": names(one),
                        "until": one.certificate.not_valid_after_utc.isoformat(),
                        "days": _days(one, now),
                        "own": one.own,
                    }
                    for one in shown
                ],
            }
        )

    def _validity(self, what: str, shown: Shown, now: datetime) -> None:
        begins, ends = shown.certificate.not_valid_before_utc, shown.certificate.not_valid_after_utc
        if ends <= now:
            self.problems.append(f"{what} has expired on {ends:%Y-%m-%d}: renew it")
        elif begins > now:
            self.problems.append(f"{what} is not valid before {begins:%Y-%m-%d}: use one that is")
        elif _days(shown, now) < WARN_DAYS:
            self.warnings.append(f"{what} expires in {_days(shown, now)} days, on {ends:%Y-%m-%d}: renew it")
        if shown.own and not names(shown):
            self.problems.append(f"{what} is for no host name, so no browser takes it: use one with a name")

    def document(self, reader: str) -> dict[str, Any]:
        """Return it all as JSON values."""
        return {
            "file": str(self.file),
            "user": reader,
            "ok": not self.problems,
            "problems": self.problems,
            "warnings": self.warnings,
            "listeners": self.listeners,
        }

    def tell(self, reader: str) -> None:
        """Print it."""
        for problem in self.problems:
            note(problem)
        for warning in self.warnings:
            note(f"warning: {warning}")
        for listener in self.listeners:
            if not listener["tls"]:
                say(f"{listener['key']}: {listener['endpoint']}, without TLS")
            for one in listener["certificates"]:
                kind = "key and certificate match" if one["own"] else "intermediate"
                days = "expired" if one["days"] < 0 else f"{one['days']} days"
                whose = f" for {', '.join(one['names'])}" if one["names"] else ""
                say(f"{listener['key']}: {one['file']}{whose}, until {one['until'][:10]} ({days}), {kind}")
        if not self.problems:
            say(f"{self.file}: can be used; read as {reader}")


def _days(shown: Shown, now: datetime) -> int:
    """Return the whole days that are left; negative ones have passed."""
    return (shown.certificate.not_valid_after_utc - now).days


def names(shown: Shown) -> list[str]:
    """Return the host names and addresses that a certificate is for; the common name does not count."""
    from cryptography import x509

    try:
        found = shown.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = found.get_values_for_type(x509.DNSName)
    return [*hosts, *(str(address) for address in found.get_values_for_type(x509.IPAddress))]
