"""What systemd is told of a service of `Type=notify` (sd_notify(3)).

The protocol is one datagram; python-systemd would be one more library with a part in C, for one system only.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from attrs import frozen
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_PATIENCE = 1.0
"""Seconds that systemd may take to take a datagram that it must not miss; for others nothing here waits."""
_DIGITS = 20
"""Of the largest number of microseconds that systemd can mean."""
_log = Logger()


@frozen
class Notifier:
    """Says lines to systemd, or to nobody.

    Attributes:
        address: its socket; a leading "@" is one without a file (unix(7), abstract). "": nobody listens.
        watchdog: seconds within which it wants to hear of us again and again; 0: it does not.
    """

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def of(cls, environ: MutableMapping[str, str], pid: int) -> Notifier:
        """Return what an environment says, and take it out: it is not for processes that are started here."""
        address = environ.pop("NOTIFY_SOCKET", "")
        microseconds = environ.pop("WATCHDOG_USEC", "")
        meant = environ.pop("WATCHDOG_PID", str(pid)) == str(pid)
        wanted = bool(address) and meant and microseconds.isdecimal() and len(microseconds) <= _DIGITS
        return cls(address, int(microseconds) / 1e6 if wanted else 0.0)

    def say(self, *lines: str, patience: float = _PATIENCE) -> None:
        """Send lines such as READY=1, all in one datagram; what goes wrong is only logged."""
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.settimeout(patience)
                end.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.warn("systemd cannot be told {what}: {why}", what=lines[0], why=error.strerror or error)

    def ready(self) -> None:
        """It serves; also said when a reload is over."""
        self.say("READY=1")

    def status(self, text: str) -> None:
        """What `systemctl status` shows; one line."""
        self.say(f"STATUS={' '.join(text.split())}", patience=0.0)

    def alive(self) -> None:
        """It does not hang."""
        self.say("WATCHDOG=1", patience=0.0)

    def reloading(self) -> None:
        """It reads its configuration again; `ready` ends it."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, seconds: float) -> None:
        """It is on its way out, and may need so long."""
        self.say("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")


def here() -> Notifier:
    """Return the one of this process."""
    return Notifier.of(os.environ, os.getpid())


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Say whether the journal reads a file descriptor (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
