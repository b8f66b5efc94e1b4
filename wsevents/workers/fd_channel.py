"""A pair of sockets between the supervisor and a worker: short messages, some with a connection."""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

MESSAGE_MAX = 64
"""Bytes of the longest message."""
_TURN = 100
"""Messages that are read in one turn of the reactor."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends. Messages stay whole, and the end of one process is seen by the other."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@implementer(IReadWriteDescriptor)
class FdChannel:
    """One end.

    Args:
        reactor: reads and writes it.
        end: the socket, which is the channel's from now on.
        heard: called with each message, and with the descriptor that came along or None.
        over: called once when the other end is gone; not after `close`.
    """

    def __init__(
        self,
        reactor: Any,
        end: socket.socket,
        heard: Callable[[bytes, int | None], None],
        over: Callable[[], None],
    ) -> None:
        end.setblocking(False)
        self._reactor, self._end, self._heard, self._over = reactor, end, heard, over
        self._waiting: deque[tuple[bytes, socket.socket | None]] = deque()
        self._closed = False
        reactor.addReader(self)

    def say(self, message: bytes, carried: socket.socket | None = None) -> bool:
        """Send a message, with a connection if there is one, which is the channel's from now on.

        Returns False if the other end is gone; the connection is closed then.
        """
        if self._closed:
            _close(carried)
            return False
        self._waiting.append((message, carried))
        if len(self._waiting) == 1:
            self._flush()
        return not self._closed

    def _flush(self) -> None:
        while self._waiting:
            message, carried = self._waiting[0]
            try:
                if carried is None:
                    self._end.send(message)
                else:
                    socket.send_fds(self._end, [message], [carried.fileno()])
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError:
                self._lose()
                return
            self._waiting.popleft()
            _close(carried)
        self._reactor.removeWriter(self)

    def _lose(self) -> None:
        if not self._closed:
            self.close()
            self._over()

    def close(self) -> None:
        """End it; what was not sent yet is lost."""
        if self._closed:
            return
        self._closed = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._end.close()
        while self._waiting:
            _close(self._waiting.popleft()[1])

    # -- what the reactor calls -----------------------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor, or -1 once closed."""
        return self._end.fileno()

    def logPrefix(self) -> str:
        """Return who speaks in the log."""
        return type(self).__name__

    def doRead(self) -> None:
        """Take what is there."""
        for _ in range(_TURN):
            if self._closed:
                return
            try:
                message, carried, _, _ = socket.recv_fds(self._end, MESSAGE_MAX, 1, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except OSError:
                message, carried = b"", []
            if not message:
                self._lose()
                return
            self._heard(message, carried[0] if carried else None)

    def doWrite(self) -> None:
        """Send what waits."""
        self._flush()

    def connectionLost(self, reason: Failure) -> None:
        """Take note that the reactor has given it up, as it does when it stops or the other end is gone."""
        self._lose()


def _close(carried: socket.socket | None) -> None:
    if carried is not None:
        carried.close()
