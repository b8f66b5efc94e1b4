"""Translates the configuration of wazo-websocketd into that of wsevents. Pure.

Rule 1: each given key is translated, or a remark reports it.
Rule 2: a default of wazo-websocketd that differs from the default of wsevents is written explicitly.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PORT = 9502
HTTP_PORTS = (80, 443)
"""Ports of Wazo's nginx, which is a proxy for wazo-auth."""
PREFIX = "/api/auth"
KEY_FILE = "/var/lib/wazo-auth-keys/wazo-websocketd-key.yml"
"""The default key file of Wazo's service accounts."""
_EVERYWHERE = {"", "0.0.0.0", "*"}  # noqa: S104 compared, not bound
_LAST = 0xFFFF
"""The last character with an escape of four hexadecimal digits."""

_LEVELS = {"warning": "warn", "critical": "error"}
"""Log levels with another name in wsevents."""

_NO_COUNTERPART = {
    "log_file": "the log goes to standard output, which systemd stores; use `journalctl -u wsevents`",
    "user": "set the user in the systemd unit (`User=`), or with `twistd --uid`",
    "pid_file": "systemd needs none; without systemd use `twistd --pidfile FILE`",
    "foreground": "the systemd unit runs twistd in the foreground; without systemd use `--nodaemon`",
    "config_file": "use twistd's option `--config FILE`",
    "extra_config_files": "wsevents reads conf.d in the folder of its configuration; give other files as "
    "arguments of import-wazo",
    "consul": "the gateway does not register with Consul; omit it",
    "service_discovery": "the gateway does not register with Consul; omit it",
}
"""Keys and sections without a counterpart, with the alternative."""
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
"""Section and key of wsevents, and the equivalent keys of wazo-websocketd."""


@frozen
class Entry:
    """A key of the configuration of wsevents.

    Attributes:
        section: name of its section; "": it is at the top level.
        key: its name.
        value: its value.
        source: the keys of wazo-websocketd that it comes from, for the comment.
    """

    section: str
    key: str
    value: Any = field(repr=False)
    source: str


@frozen
class Remark:
    """A note for the operator about a key of wazo-websocketd that is given or missing."""

    key: str
    text: str


@define
class Translation:
    """The result of a translation.

    Attributes:
        entries: the keys of wsevents.
        remarks: notes about keys that need the operator's attention.
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
        lines = ["# Written by `wsevents import-wazo`. All other keys have their defaults."]
        for section in dict.fromkeys(entry.section for entry in self.entries):
            indent = "  " if section else ""
            lines += [""] + ([f"{section}:"] if section else [])
            for entry in self.entries:
                if entry.section == section:
                    lines += [f"{indent}# {entry.source}", f"{indent}{entry.key}: {_yaml(entry.value)}"]
        return "\n".join(lines) + "\n"


def translate(given: Mapping[Any, Any], origin: str | None, exists: Callable[[str], bool]) -> Translation:
    """Translate a configuration of wazo-websocketd.

    Args:
        given: the merged content of its files.
        origin: uuid of the installation, from XIVO_UUID; None: unknown.
        exists: returns whether a file exists.
    """
    work = _Work(_flat(given), Translation())
    work.listen()
    work.origin(origin)
    work.bus()
    work.copy()
    work.log()
    work.auth(exists)
    work.report_rest()
    order = {"": 0, "bus": 1, "auth": 2, "websocket": 3, "log": 4}
    work.done.entries.sort(key=lambda entry: order[entry.section])
    return work.done


def _flat(given: Mapping[Any, Any], before: str = "") -> dict[str, Any]:
    """Return a flat mapping, with keys such as `bus.host`."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat


@define
class _Work:
    """A translation in progress.

    Attributes:
        remaining: keys that are not translated yet.
        done: the translation of the other keys.
    """

    remaining: dict[str, Any] = field(repr=False)
    done: Translation

    def take(self, *names: str) -> Any:
        """Remove these synonyms from the remaining keys; return the first value, or None."""
        values = [self.remaining.pop(name) for name in names if name in self.remaining]
        scalars = [value for value in values if isinstance(value, str | int | float)]
        if any(isinstance(value, dict | list) for value in values):
            self.remark(names[0], "its value has an unknown type; omitted")
        return scalars[0] if scalars else None

    def add(self, section: str, key: str, value: Any, source: str) -> None:
        self.done.entries.append(Entry(section, key, value, source))

    def remark(self, key: str, text: str) -> None:
        self.done.remarks.append(Remark(key, text))

    def listen(self) -> None:
        """Translate the listener. By default, wazo-websocketd listens on loopback, behind nginx."""
        host, port = self.take("websocket.listen"), self.take("websocket.port")
        certificate, key = self.take("websocket.certificate"), self.take("websocket.private_key")
        address = "127.0.0.1" if host is None else str(host)
        interface = "" if address in _EVERYWHERE else f":interface={_escaped(address)}"
        kind, tls = "tcp", ""
        if certificate is not None and key is not None:
            kind, tls = "ssl", f":privateKey={_escaped(str(key))}:certKey={_escaped(str(certificate))}"
            self.remark(
                "websocket.certificate",
                "only the first certificate of the file is sent to clients; add others with "
                "`:extraCertChain=FILE`",
            )
        elif certificate is not None or key is not None:
            self.remark("websocket.certificate", "needs websocket.private_key, and vice versa; omitted")
        endpoint = f"{kind}:{PORT if port is None else port}{interface}{tls}"
        self.add("", "listen", [endpoint], "websocket.listen, port, certificate and private_key")

    def origin(self, origin: str | None) -> None:
        """Translate the uuid of the installation."""
        own = self.take("uuid", "origin_uuid") or origin
        if own is not None:
            self.add("", "origin_uuid", own, "the uuid of this installation, XIVO_UUID in Wazo")
            return
        self.remark(
            "XIVO_UUID",
            "not set in the environment, so the gateway accepts events of all installations; set it in the "
            "gateway's environment, or set origin_uuid",
        )

    def bus(self) -> None:
        """Translate the address of RabbitMQ."""
        host, port = self.take("bus.host"), self.take("bus.port")
        if host is not None or port is not None:
            host = "localhost" if host is None else str(host)
            endpoint = f"tcp:{_escaped(host)}:{5672 if port is None else port}"
            self.add("bus", "endpoint", endpoint, "bus.host and port")

    def copy(self) -> None:
        """Copy the values of keys that differ in their name at most."""
        for section, key, names in _COPIED:
            given = [name for name in names if name in self.remaining]
            value = self.take(*names)
            if value is not None:
                self.add(section, key, value, given[0])

    def log(self) -> None:
        """Translate the log level."""
        debug, level = self.take("debug"), self.take("log_level")
        name = "debug" if debug is True else str(level or "").lower()
        if name:
            self.add("log", "level", _LEVELS.get(name, name), "debug and log_level")

    def auth(self, exists: Callable[[str], bool]) -> None:
        """Translate the address of wazo-auth and the service account."""
        self._auth_address()
        given = self.take("auth.key_file")
        if any((entry.section, entry.key) == ("auth", "service_id") for entry in self.done.entries):
            if given is not None:
                self.remark(
                    "auth.key_file",
                    "the given service account takes precedence; omitted",
                )
            return
        file = KEY_FILE if given is None else str(given)
        if given is None and not exists(file):
            self.remark(
                "auth.key_file",
                f"not given, and {file} does not exist; give a service account, as without one the gateway "
                "does not know the master tenant, whose users see all tenants",
            )
            return
        self.add("auth", "key_file", file, "auth.key_file; the user of the gateway must be able to read it")

    def _auth_address(self) -> None:
        """Translate port and prefix of wazo-auth: behind nginx, as since Wazo 26.09, or direct, as before."""
        has_prefix = "auth.prefix" in self.remaining
        port, prefix = self.take("auth.port"), self.take("auth.prefix")
        path = str(prefix or "").strip("/")
        if not has_prefix:
            path = PREFIX.strip("/") if port is None or port in HTTP_PORTS else ""
        if port is None and not has_prefix:
            self.remark(
                "auth.port",
                "not given: set to 80 with the prefix /api/auth, the default since Wazo 26.09; "
                'for an older Wazo set port: 9497 and prefix: ""',
            )
        self.add("auth", "port", 80 if port is None else port, "auth.port")
        self.add(
            "auth",
            "prefix",
            f"/{path}" if path else "",
            "auth.prefix; empty: a direct connection to wazo-auth",
        )

    def report_rest(self) -> None:
        """Report the keys that are not translated."""
        for key, value in self.remaining.items():
            first = key.split(".", 1)[0]
            known = _ALIASES.get(key, key)
            text = _NO_COUNTERPART.get(known) or _NO_COUNTERPART.get(first)
            if text is not None:
                self.remark(key, f"has no counterpart: {text}")
            elif value is not None and value != {}:
                self.remark(key, "not a known key of wazo-websocketd; omitted")


def _escaped(text: str) -> str:
    """Return a text with the escapes of an endpoint string."""
    return text.replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=")


def _yaml(value: Any) -> str:
    """Return a value as YAML on one line: JSON, except for characters above U+FFFF."""
    if isinstance(value, list):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    return f'"{"".join(_character(one) for one in value)}"'


def _character(one: str) -> str:
    return f"\\U{ord(one):08x}" if ord(one) > _LAST else json.dumps(one)[1:-1]
