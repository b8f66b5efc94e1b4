"""What is asked of the kernel: room for sockets, and how far a peer has read."""

from __future__ import annotations

import resource
import socket
from typing import Any

from wsevents.api.errors import StartError

MORE_FILES = "raise LimitNOFILE= in the systemd unit, or `ulimit -n` in the shell that starts it"
"""What an operator does when no more files can be opened."""
LEAST_FILES = 64
"""Open files with which something can be begun; the gateway itself takes some twenty."""
SEND_BUFFER = 131072
"""Bytes that the kernel may hold for one peer; it reckons with twice as much, for its own needs."""
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_BYTES_ACKED = slice(120, 128)  # of struct tcp_info, linux/tcp.h


def socket_of(transport: Any) -> socket.socket | None:
    """Return the socket below a transport, or None if there is none."""
    while hasattr(transport, "transport"):
        transport = transport.transport
    found = getattr(transport, "socket", None)
    return found if isinstance(found, socket.socket) else None


def fit_out(transport: Any) -> None:
    """Have the kernel send what it gets at once, and bound what it holds.

    Left alone, that would grow to some megabytes for a peer that does not read.
    """
    if (found := socket_of(transport)) is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if found.family in _INTERNET:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def acknowledged(transport: Any) -> int:
    """Return how many bytes the peer's machine has acknowledged, ever; 0 if that cannot be known."""
    found = socket_of(transport)
    if found is None or found.fileno() < 0 or found.family not in _INTERNET:
        return 0
    information = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    return int.from_bytes(information[_BYTES_ACKED], "little")


def check_open_files() -> None:
    """Check that there will be room for some peers. Raises StartError."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < LEAST_FILES:
        raise StartError(f"only {hard} files may be open, but {LEAST_FILES} are the least: {MORE_FILES}")


def raise_open_files() -> int:
    """Raise the limit of open files as far as we may, and return it: a peer needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
