"""A socket pair between the supervisor and a worker: short messages, each optionally with a connection."""

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
"""Maximum length of a message, in bytes."""
_MESSAGES_PER_TURN = 100
"""Maximum number of messages to read in one turn of the reactor."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets that keep message boundaries and report the exit of the other process."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@implementer(IReadWriteDescriptor)
class FdChannel:
    """One end of the channel.

    Args:
        reactor: reads from the socket and writes to it.
        end: the socket; the channel owns it.
        on_message: called with each message, and with the descriptor that came with it or None.
        on_close: called once when the other end has closed; not called after `close`.
    """

    def __init__(
        self,
        reactor: Any,
        end: socket.socket,
        on_message: Callable[[bytes, int | None], None],
        on_close: Callable[[], None],
    ) -> None:
        end.setblocking(False)
        self._reactor, self._end, self._on_message, self._on_close = reactor, end, on_message, on_close
        self._queue: deque[tuple[bytes, socket.socket | None]] = deque()
        self._closed = False
        reactor.addReader(self)

    def send(self, message: bytes, connection: socket.socket | None = None) -> bool:
        """Send a message, optionally with a connection, which the channel then owns.

        Returns False if the channel is closed; it has closed the connection then.
        """
        if self._closed:
            _close(connection)
            return False
        self._queue.append((message, connection))
        if len(self._queue) == 1:
            self._flush()
        return not self._closed

    def _flush(self) -> None:
        while self._queue:
            message, connection = self._queue[0]
            try:
                if connection is None:
                    self._end.send(message)
                else:
                    socket.send_fds(self._end, [message], [connection.fileno()])
            except BlockingIOError:
                self._reactor.addWriter(self)
                return
            except OSError:
                self._lose()
                return
            self._queue.popleft()
            _close(connection)
        self._reactor.removeWriter(self)

    def _lose(self) -> None:
        if not self._closed:
            self.close()
            self._on_close()

    def close(self) -> None:
        """Close the channel and discard the unsent messages; close their connections."""
        if self._closed:
            return
        self._closed = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._end.close()
        while self._queue:
            _close(self._queue.popleft()[1])

    # -- IReadWriteDescriptor -------------------------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor, or -1 once closed."""
        return self._end.fileno()

    def logPrefix(self) -> str:
        return type(self).__name__

    def doRead(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            if self._closed:
                return
            try:
                message, descriptors, _, _ = socket.recv_fds(
                    self._end, MESSAGE_MAX, 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                message, descriptors = b"", []
            if not message:
                self._lose()
                return
            self._on_message(message, descriptors[0] if descriptors else None)

    def doWrite(self) -> None:
        self._flush()

    def connectionLost(self, reason: Failure) -> None:
        """Close the channel: the reactor stops, or the other end has closed."""
        self._lose()


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()
