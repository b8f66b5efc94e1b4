"""`wsevents check-config`: checks a configuration as the start does, and the validity of its certificates."""

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
    from wsevents.endpoints.check import ListenerCertificate

SERVICE = "wsevents"
"""The user of the service in the Debian package."""
WARN_DAYS = 30
"""Days before the end of a certificate with a warning; the gateway's log warns later (`validity.SOON`)."""


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
    help=f"Read the files as this user; only root can. The default for root is {SERVICE}, if it exists.",
)
@options.as_json
@click.pass_context
def check_config(ctx: click.Context, file: Path, user: str | None, as_json: bool) -> None:
    """Check whether the gateway can start with a configuration.

    The command checks FILE, the *.yml of conf.d in the same folder, and the files that they name, in the same
    way as the start. It prints one line for each problem. Then it lists the certificates of each listener,
    with their names and their validity. An expired certificate is a problem. A certificate with less than 30
    days left is a warning.

    The command makes no connection and opens no port. It reads secrets such as `password_env` from its own
    environment.

    Exit status: 0 if the configuration is valid, 1 if there is a problem.
    """
    if not os.geteuid():
        # Imports all modules, which the other user may not be able to read in a checkout of root.
        CheckReport(file).check()
    reader = _switch_user(user)
    report = CheckReport(file)
    report.check()
    if as_json:
        show(report.document(reader))
    else:
        report.print(reader)
    if report.problems:
        ctx.exit(PROBLEM)


def _switch_user(user: str | None) -> str:
    """Switch from root to a user, by default that of the service; return the name of the current user."""
    if os.geteuid():
        me = _name(os.geteuid())
        if user not in {None, me}:
            raise CommandError(f"only root can check as {user}; you are {me}, so use sudo or omit --user")
        return me
    try:
        entry = pwd.getpwnam(user or SERVICE)
    except KeyError:
        if user is not None:
            raise CommandError(f"the user {user} does not exist; correct --user") from None
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
    """The result of the check of a configuration.

    Attributes:
        file: the configuration.
        problems: lines about problems that prevent the start, or connections of clients.
        warnings: lines about possible or future problems.
        listeners: key, endpoint, use of TLS and certificates of each listener, as JSON values.
    """

    file: Path
    problems: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)
    listeners: list[dict[str, Any]] = field(factory=list)

    def check(self) -> None:
        """Check the configuration, and fill the attributes."""
        from wsevents.api.errors import WseventsError

        try:
            config = self._compose()
        except WseventsError as error:
            self.problems += str(error).splitlines()
            return
        now = datetime.now(UTC)
        for number, listener in enumerate(config.listen):
            self._listener(f"listen[{number}]", listener.endpoint, now)
        if config.status.endpoint is not None:
            self._listener("status.endpoint", config.status.endpoint, now)

    def _compose(self) -> Config:
        """Load the configuration and make the gateway, without opening ports. Raises WseventsError."""
        from twisted.internet import reactor
        from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
        from zope.interface import provider

        from wsevents.app.composition import Composition
        from wsevents.config.loader import load
        from wsevents.config.plugins import Plugins

        @provider(ILogObserver)
        def collect(event: Any) -> None:
            if event.get("log_level", LogLevel.debug) >= LogLevel.warn:
                self.warnings.append(formatEvent(event))

        plugins = Plugins()
        config = load(self.file, plugins, os.environ)
        globalLogPublisher.addObserver(collect)
        try:
            Composition(reactor, config, plugins).gateway()
        finally:
            globalLogPublisher.removeObserver(collect)
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

    def _validity(self, subject: str, shown: ListenerCertificate, now: datetime) -> None:
        begins, ends = shown.certificate.not_valid_before_utc, shown.certificate.not_valid_after_utc
        if ends <= now:
            self.problems.append(f"{subject} expired on {ends:%Y-%m-%d}; renew it")
        elif begins > now:
            self.problems.append(f"{subject} is not valid before {begins:%Y-%m-%d}; use a valid one")
        elif _days(shown, now) < WARN_DAYS:
            self.warnings.append(
                f"{subject} expires in {_days(shown, now)} days, on {ends:%Y-%m-%d}; renew it"
            )
        if shown.own and not names(shown):
            self.problems.append(f"{subject} has no host name, so browsers reject it; use one with a name")

    def document(self, reader: str) -> dict[str, Any]:
        """Return the result as JSON values; `reader` is the user that read the files."""
        return {
            "file": str(self.file),
            "user": reader,
            "ok": not self.problems,
            "problems": self.problems,
            "warnings": self.warnings,
            "listeners": self.listeners,
        }

    def print(self, reader: str) -> None:
        """Print the result; `reader` is the user that read the files."""
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
            say(f"{self.file}: valid; read as {reader}")


def _days(shown: ListenerCertificate, now: datetime) -> int:
    """Return the whole days until a certificate expires; negative if it has expired."""
    return (shown.certificate.not_valid_after_utc - now).days


def names(shown: ListenerCertificate) -> list[str]:
    """Return the host names and addresses of a certificate, without the common name, which clients ignore."""
    from cryptography import x509

    try:
        found = shown.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = found.get_values_for_type(x509.DNSName)
    return [*hosts, *(str(address) for address in found.get_values_for_type(x509.IPAddress))]
