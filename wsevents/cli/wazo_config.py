"""The configuration of wazo-websocketd, said in our keys. Pure.

Rule 1: every key that is given is either said in ours, or remarked upon; none is lost in silence.
Rule 2: what was a default there and is another one here is written out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PORT = 9502
HTTP_PORTS = (80, 443)
"""Of Wazo's nginx, before wazo-auth."""
PREFIX = "/api/auth"
KEY_FILE = "/var/lib/wazo-auth-keys/wazo-websocketd-key.yml"
"""Where Wazo's service accounts have theirs."""
_EVERYWHERE = {"", "0.0.0.0", "*"}  # noqa: S104 it is compared with, not bound to
_LAST = 0xFFFF
"""The last character that four hexadecimal digits can say."""

_LEVELS = {"warning": "warn", "critical": "error"}
"""Levels of the log that have another name here."""

_WITHOUT = {
    "log_file": "the log goes to standard output, which systemd keeps (`journalctl -u wsevents`)",
    "user": "the user is that of the systemd unit (`User=`), or of `twistd --uid`",
    "pid_file": "systemd needs none; else `twistd --pidfile FILE`",
    "foreground": "twistd runs in the foreground with `--nodaemon`, as the systemd unit has it",
    "config_file": "the file is named to twistd: `--config FILE`",
    "extra_config_files": "conf.d is the folder beside the configuration; name other files as arguments",
    "consul": "the gateway registers nowhere; leave it out",
    "service_discovery": "the gateway registers nowhere; leave it out",
}
"""What has no counterpart, keys or whole sections, and what to do instead."""
_ALIASES = {
    "logfile": "log_file",
    "log_filename": "log_file",
    "pidfile": "pid_file",
    "pid_filename": "pid_file",
}
_COPIED = (
    ("bus", "vhost", ("bus.vhost",)),
    ("bus", "username", ("bus.username",)),
    ("bus", "password", ("bus.password",)),
    ("bus", "exchange_name", ("bus.exchange_name",)),
    ("bus", "exchange_type", ("bus.exchange_type",)),
    ("auth", "host", ("auth.host",)),
    ("auth", "https", ("auth.https",)),
    ("auth", "verify_certificate", ("auth.verify_certificate",)),
    ("auth", "timeout", ("auth.timeout",)),
    ("auth", "service_id", ("auth.service_id", "auth.username")),
    ("auth", "service_key", ("auth.service_key", "auth.password")),
    ("auth", "check_strategy", ("auth_check_strategy", "auth.check_strategy")),
    ("auth", "check_static_interval", ("auth_check_static_interval", "auth.check_static_interval")),
    ("websocket", "ping_interval", ("websocket.ping_interval",)),
    ("", "workers", ("process_workers", "workers")),
)
"""Section and key here, and the keys there that mean the same."""


@frozen
class Entry:
    """A key of ours.

    Attributes:
        section: it is in; "": none.
        key: its name.
        value: its value.
        source: where that is from, in words.
    """

    section: str
    key: str
    value: Any = field(repr=False)
    source: str


@frozen
class Remark:
    """What somebody has to know about a key that was given, or was not."""

    key: str
    text: str


@define
class Translation:
    """What the configuration becomes.

    Attributes:
        entries: keys of ours.
        remarks: on what could not be said in them.
    """

    entries: list[Entry] = field(factory=list)
    remarks: list[Remark] = field(factory=list)

    def document(self) -> dict[str, Any]:
        """Return the configuration as JSON values."""
        found: dict[str, Any] = {}
        for entry in self.entries:
            section = found.setdefault(entry.section, {}) if entry.section else found
            section[entry.key] = entry.value
        return found

    def text(self) -> str:
        """Return the configuration as YAML, with comments."""
        lines = ["# Made by `wsevents import-wazo`. What is not here is at its default."]
        for section in dict.fromkeys(entry.section for entry in self.entries):
            indent = "  " if section else ""
            lines += [""] + ([f"{section}:"] if section else [])
            for entry in self.entries:
                if entry.section == section:
                    lines += [f"{indent}# {entry.source}", f"{indent}{entry.key}: {_yaml(entry.value)}"]
        return "\n".join(lines) + "\n"


def translate(given: Mapping[Any, Any], origin: str | None, there: Callable[[str], bool]) -> Translation:
    """Return what a configuration of wazo-websocketd becomes.

    Args:
        given: its files, merged.
        origin: uuid of the installation, from XIVO_UUID; None: it is not known.
        there: says whether a file exists.
    """
    work = _Work(_flat(given), Translation())
    work.listen()
    work.origin(origin)
    work.bus()
    work.copy()
    work.log()
    work.auth(there)
    work.leave()
    order = {"": 0, "bus": 1, "auth": 2, "websocket": 3, "log": 4}
    work.done.entries.sort(key=lambda entry: order[entry.section])
    return work.done


def _flat(given: Mapping[Any, Any], before: str = "") -> dict[str, Any]:
    """Return the keys with those of the sections that they are in, as in `bus.host`."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat


@define
class _Work:
    """A translation under way.

    Attributes:
        left: keys that nobody has taken yet.
        done: what has become of the others.
    """

    left: dict[str, Any] = field(repr=False)
    done: Translation

    def take(self, *names: str) -> Any:
        """Return the value of the first of these keys that has one; the others are done with, too."""
        values = [self.left.pop(name) for name in names if name in self.left]
        fit = [value for value in values if isinstance(value, str | int | float)]
        if any(isinstance(value, dict | list) for value in values):
            self.remark(names[0], "has a value of a kind that is not known: left out")
        return fit[0] if fit else None

    def say(self, section: str, key: str, value: Any, source: str) -> None:
        """Say a key of ours."""
        self.done.entries.append(Entry(section, key, value, source))

    def remark(self, key: str, text: str) -> None:
        """Tell about a key."""
        self.done.remarks.append(Remark(key, text))

    def listen(self) -> None:
        """Say where peers connect; wazo-websocketd is behind nginx, on this machine alone."""
        host, port = self.take("websocket.listen"), self.take("websocket.port")
        certificate, key = self.take("websocket.certificate"), self.take("websocket.private_key")
        address = "127.0.0.1" if host is None else str(host)
        interface = "" if address in _EVERYWHERE else f":interface={_escaped(address)}"
        kind, tls = "tcp", ""
        if certificate is not None and key is not None:
            kind, tls = "ssl", f":privateKey={_escaped(str(key))}:certKey={_escaped(str(certificate))}"
            self.remark(
                "websocket.certificate",
                "its first certificate alone is shown to clients: others need `:extraCertChain=FILE`",
            )
        elif certificate is not None or key is not None:
            self.remark(
                "websocket.certificate", "and websocket.private_key are of use together only: left out"
            )
        endpoint = f"{kind}:{PORT if port is None else port}{interface}{tls}"
        self.say("", "listen", [endpoint], "websocket.listen, port, certificate and private_key")

    def origin(self, origin: str | None) -> None:
        """Say whose events count."""
        own = self.take("uuid", "origin_uuid") or origin
        if own is not None:
            self.say("", "origin_uuid", own, "the uuid of this installation, XIVO_UUID there")
            return
        self.remark(
            "XIVO_UUID",
            "is not in the environment: give it to the gateway's, or as origin_uuid; "
            "without it events of every installation count",
        )

    def bus(self) -> None:
        """Say where RabbitMQ is."""
        host, port = self.take("bus.host"), self.take("bus.port")
        if host is not None or port is not None:
            host = "localhost" if host is None else str(host)
            endpoint = f"tcp:{_escaped(host)}:{5672 if port is None else port}"
            self.say("bus", "endpoint", endpoint, "bus.host and port")

    def copy(self) -> None:
        """Say what has only another name, or the same."""
        for section, key, names in _COPIED:
            given = [name for name in names if name in self.left]
            value = self.take(*names)
            if value is not None:
                self.say(section, key, value, given[0])

    def log(self) -> None:
        """Say how much is logged."""
        debug, level = self.take("debug"), self.take("log_level")
        name = "debug" if debug is True else str(level or "").lower()
        if name:
            self.say("log", "level", _LEVELS.get(name, name), "debug and log_level")

    def auth(self, there: Callable[[str], bool]) -> None:
        """Say where wazo-auth is, and which account is the gateway's own."""
        self._way()
        given = self.take("auth.key_file")
        if any((entry.section, entry.key) == ("auth", "service_id") for entry in self.done.entries):
            if given is not None:
                self.remark(
                    "auth.key_file", "is not needed beside the service account that is given: left out"
                )
            return
        file = KEY_FILE if given is None else str(given)
        if given is None and not there(file):
            self.remark(
                "auth.key_file",
                f"is not given, and there is no {file}: without a service account the master tenant is not "
                "known, whose users see all tenants",
            )
            return
        self.say("auth", "key_file", file, "auth.key_file; the user of the gateway must be able to read it")

    def _way(self) -> None:
        """Say how wazo-auth is asked: through nginx, as since 26.09, or directly, as before."""
        chosen = "auth.prefix" in self.left
        port, prefix = self.take("auth.port"), self.take("auth.prefix")
        path = str(prefix or "").strip("/")
        if not chosen:
            path = PREFIX.strip("/") if port is None or port in HTTP_PORTS else ""
        if port is None and not chosen:
            self.remark(
                "auth.port",
                "is not given: taken to be 80 with the prefix /api/auth, as since Wazo 26.09; "
                'for an older one write port: 9497 and prefix: ""',
            )
        self.say("auth", "port", 80 if port is None else port, "auth.port")
        self.say(
            "auth", "prefix", f"/{path}" if path else "", "auth.prefix; empty: wazo-auth is asked directly"
        )

    def leave(self) -> None:
        """Remark on what is left."""
        for key, value in self.left.items():
            first = key.split(".", 1)[0]
            known = _ALIASES.get(key, key)
            text = _WITHOUT.get(known) or _WITHOUT.get(first)
            if text is not None:
                self.remark(key, f"has no counterpart: {text}")
            elif value is not None and value != {}:
                self.remark(key, "is no key of wazo-websocketd that is known: left out")


def _escaped(text: str) -> str:
    """Return a text as it stands for itself in an endpoint string."""
    return text.replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=")


def _yaml(value: Any) -> str:
    """Return a value as YAML on one line: JSON, but for characters that need more than four digits."""
    if isinstance(value, list):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    return f'"{"".join(_character(one) for one in value)}"'


def _character(one: str) -> str:
    return f"\\U{ord(one):08x}" if ord(one) > _LAST else json.dumps(one)[1:-1]
