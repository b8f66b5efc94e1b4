"""Notifications to systemd from a service of `Type=notify` (sd_notify(3)).

The protocol is one datagram per notification, so it needs no library such as python-systemd.
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

_SEND_TIMEOUT = 1.0
"""Seconds to wait until systemd accepts an important datagram. Other datagrams are sent without waiting."""
_DIGITS = 20
"""Digits of the largest number of microseconds, a 64-bit number."""
_log = Logger()


@frozen
class Notifier:
    """Sends notifications to systemd.

    Attributes:
        address: address of its socket; a leading "@" marks an abstract socket (unix(7)). "": the process does
            not run under systemd, so all methods do nothing.
        watchdog: systemd's watchdog interval in seconds; 0: no watchdog.
    """

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def of(cls, environ: MutableMapping[str, str], pid: int) -> Notifier:
        """Return the notifier for an environment and remove its variables, so that no child inherits them."""
        address = environ.pop("NOTIFY_SOCKET", "")
        microseconds = environ.pop("WATCHDOG_USEC", "")
        ours = environ.pop("WATCHDOG_PID", str(pid)) == str(pid)
        watched = bool(address) and ours and microseconds.isdecimal() and len(microseconds) <= _DIGITS
        return cls(address, int(microseconds) / 1e6 if watched else 0.0)

    def send(self, *lines: str, timeout: float = _SEND_TIMEOUT) -> None:
        """Send lines such as READY=1 in one datagram; an error is only logged."""
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
                datagrams.settimeout(timeout)
                datagrams.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.warn("sending {what} to systemd failed: {why}", what=lines[0], why=error.strerror or error)

    def ready(self) -> None:
        """Report the end of the start, or of a reload."""
        self.send("READY=1")

    def status(self, text: str) -> None:
        """Set the text that `systemctl status` shows, one line."""
        self.send(f"STATUS={' '.join(text.split())}", timeout=0.0)

    def alive(self) -> None:
        """Reset systemd's watchdog timer."""
        self.send("WATCHDOG=1", timeout=0.0)

    def reloading(self) -> None:
        """Report the start of a reload; `ready` reports its end."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, seconds: float) -> None:
        """Report the start of the shutdown, which takes at most this many seconds."""
        self.send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")


def process_notifier() -> Notifier:
    """Return the notifier of this process; the second call in a process returns one without an address."""
    return Notifier.of(os.environ, os.getpid())


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Return whether the journal reads a file descriptor (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
