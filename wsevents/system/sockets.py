"""Socket options, TCP acknowledgements, and the limit on open files."""

from __future__ import annotations

import resource
import socket
from typing import Any

from wsevents.api.errors import StartError

MORE_FILES = "raise LimitNOFILE= in the systemd unit, or `ulimit -n` in the shell that starts it"
"""The remedy for a process that reached its limit of open files."""
LEAST_FILES = 64
"""Least limit of open files for a start; the gateway itself needs about twenty."""
SEND_BUFFER = 131072
"""SO_SNDBUF of a peer's socket, in bytes; the kernel doubles it for its own overhead (socket(7))."""
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_BYTES_ACKED = slice(120, 128)  # of struct tcp_info, linux/tcp.h


def socket_of(transport: Any) -> socket.socket | None:
    """Return the socket of a transport or of its lowest transport, or None."""
    while hasattr(transport, "transport"):
        transport = transport.transport
    found = getattr(transport, "socket", None)
    return found if isinstance(found, socket.socket) else None


def set_socket_options(transport: Any) -> None:
    """Set TCP_NODELAY and bound the send buffer of a transport's socket.

    Without the bound the kernel grows the buffer to several megabytes for a peer that does not read.
    """
    if (found := socket_of(transport)) is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if found.family in _INTERNET:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def acknowledged(transport: Any) -> int:
    """Return how many bytes the peer's host has acknowledged since the connect; 0 if not known."""
    found = socket_of(transport)
    if found is None or found.fileno() < 0 or found.family not in _INTERNET:
        return 0
    information = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    return int.from_bytes(information[_BYTES_ACKED], "little")


def check_open_files() -> None:
    """Check the limit of open files.

    Raises:
        StartError: the limit is lower than `LEAST_FILES`.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < LEAST_FILES:
        raise StartError(
            f"the limit of open files is {hard}, but must be at least {LEAST_FILES}; {MORE_FILES}"
        )


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard limit; return it. Each peer needs one file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
