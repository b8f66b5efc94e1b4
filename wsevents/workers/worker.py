"""The supervisor's view of one worker process, from its start to its exit."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from signal import Signals
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, frozen
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import LogLevel, globalLogPublisher

from wsevents.api.errors import ConfigurationError
from wsevents.workers.fd_channel import FdChannel, pair
from wsevents.workers.liveness import Liveness
from wsevents.workers.log_record import Splitter, decode
from wsevents.workers.rpc import FROM_WORKER, TO_WORKER, Rpc
from wsevents.workers.startup_message import ControlMessage

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from wsevents.api.settings import Config
    from wsevents.app.health import Health

MODULE = "wsevents.workers.main"
"""The program of a worker."""
CHANNEL = 3
"""The descriptor of the channel in a worker."""
START_SECONDS = 60.0
"""Time for a worker to become ready; then it is killed."""


def check_interpreter(path: str = sys.executable) -> None:
    """Check that the current user may execute Python. Raises ConfigurationError."""
    if not os.access(path, os.X_OK):
        raise ConfigurationError(
            f"workers: {path} cannot be executed by user {os.geteuid()}, which runs the workers; "
            "permit that user to execute it, or set `workers` to 1"
        )


class WorkerObserver(Protocol):
    """Is notified of the state of a worker."""

    def ready(self, worker: Worker) -> None:
        """The worker takes connections from now on."""

    def bus_changed(self, worker: Worker, up: bool) -> None:
        """The worker has connected to the bus, or has lost the connection."""

    def connection_closed(self, worker: Worker) -> None:
        """One of the worker's connections is closed."""

    def stopping(self, worker: Worker) -> None:
        """The worker takes no further connections and will exit."""

    def ended(self, worker: Worker, how: str, lifetime: float) -> None:
        """The process has exited, or could not be started.

        Args:
            worker: the worker.
            how: predicate for a log line that begins with the worker's name.
            lifetime: seconds since the start.
        """


class Worker(ProcessProtocol):
    """A worker process, with the channel and the RPC connection to it.

    Args:
        reactor: starts the process.
        number: of the worker, from 1.
        observer: is notified of the worker's state.

    Attributes:
        name: of the worker in the log; has the process ID after `start`.
        liveness: counts unanswered health requests.
        health: the last answer to a health request, or None.
        config: the configuration that the worker has, or that was last sent to it.
        pid: the process ID, or 0 before the start.
    """

    transport: Any

    def __init__(self, reactor: Any, number: int, observer: WorkerObserver) -> None:
        self.number, self.name, self.pid = number, f"worker {number}", 0
        self._reactor, self._observer = reactor, observer
        self._splitters = {1: Splitter(), 2: Splitter()}
        self._channel: FdChannel | None = None
        self._rpc = Rpc(reactor, {})
        self.liveness = Liveness()
        self.health: Health | None = None
        self.config: Config | None = None
        self._kill_timer: Any = None
        self._started = 0.0

    def start(self, startup: bytes) -> None:
        """Start the process; the startup message goes through a pipe, which no other user can read."""
        ours, theirs = pair()
        self._started = self._reactor.seconds()
        self._channel = FdChannel(self._reactor, ours, self._message_received, self._channel_closed)
        with theirs:
            try:
                self._spawn(theirs.fileno())
            except OSError as error:
                self._end(f"cannot be started: {error.strerror}")
                return
        self.pid = self.transport.pid
        self.name = f"worker {self.number} (pid {self.pid})"
        self._kill_timer = self._reactor.callLater(START_SECONDS, self.kill)
        self.transport.write(startup)
        self.transport.closeStdin()

    def _spawn(self, end: int) -> None:
        self._reactor.spawnProcess(
            self,
            sys.executable,
            [
                sys.executable,
                *_flags(sys.flags),
                "-m",
                MODULE,
                str(self.number),
                type(self._reactor).__module__,
            ],
            env=_environ(sys.flags, os.environ) | {"PYTHONPATH": os.pathsep.join(_paths())},
            childFDs={0: "w", 1: "r", 2: "r", CHANNEL: end, TO_WORKER: "w", FROM_WORKER: "r"},
        )

    def connectionMade(self) -> None:
        self._rpc.makeConnection(_RpcTransport(self.transport))

    def give(self, listener: int, connection: socket.socket) -> bool:
        """Send the worker a connection of the listener with this index, and close it in this process.

        Returns False if the worker has exited.
        """
        if self._channel is None:
            connection.close()
            return False
        return self._channel.send(b"%d" % listener, connection)

    def ask(self, name: str, argument: Any = None) -> Deferred[Any]:
        """Send a request. The Deferred fires with the result, or fails with RpcError."""
        return self._rpc.ask(name, argument)

    def kill_after(self, seconds: float) -> None:
        """Kill the process if it does not exit within this time."""
        if self._kill_timer is None and self.pid:
            self._kill_timer = self._reactor.callLater(seconds, self.kill)

    def stop(self) -> None:
        """Ask the process to stop, with SIGTERM."""
        self._signal("TERM")

    def kill(self) -> None:
        """End the process at once, with SIGKILL."""
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    # -- messages of the worker -----------------------------------------------------------------

    def _message_received(self, message: bytes, _descriptor: int | None) -> None:
        if message == ControlMessage.READY:
            self._cancel_kill_timer()
            self._observer.ready(self)
        elif message == ControlMessage.CONNECTION_CLOSED:
            self._observer.connection_closed(self)
        elif message == ControlMessage.STOPPING:
            self._observer.stopping(self)
        else:
            self._observer.bus_changed(self, message == ControlMessage.BUS_UP)

    def _channel_closed(self) -> None:
        self._observer.stopping(self)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == FROM_WORKER:
            self._rpc.dataReceived(data)
        else:
            self._publish(self._splitters[childFD].feed(data))

    def _publish(self, lines: list[bytes]) -> None:
        """Publish the worker's log lines in the log of this process."""
        for data in lines:
            decoded = decode(data, __name__, self.number)
            line = decoded if decoded.time is not None else evolve(decoded, time=time())
            globalLogPublisher(
                {
                    "log_level": LogLevel.levelWithName(line.level),
                    "log_namespace": line.logger,
                    "log_time": line.time,
                    "log_format": "worker {worker}: {text}",
                    "worker": self.number,
                    "text": f"{line.text}\n{line.trace}" if line.trace else line.text,
                    "line": line,  # `wsevents.logs.observer` writes this instead of the text
                    "folded": line is decoded,  # the worker deduplicates its own records
                }
            )

    # -- exit -----------------------------------------------------------------------------------

    def processEnded(self, reason: Failure) -> None:
        """Publish the last output of the process, and then report its exit."""
        for splitter in self._splitters.values():
            self._publish(splitter.rest())
        self._end(_exit_reason(reason.value))

    def _end(self, how: str) -> None:
        self._cancel_kill_timer()
        if self._channel is not None:
            self._channel.close()
        self._rpc.connectionLost()
        self._observer.ended(self, how, self._reactor.seconds() - self._started)

    def _cancel_kill_timer(self) -> None:
        timer, self._kill_timer = self._kill_timer, None
        if timer is not None and timer.active():
            timer.cancel()


@frozen
class _RpcTransport:
    """The transport of the RPC connection: it writes to a pipe of the worker."""

    process: Any

    def write(self, data: bytes) -> None:
        self.process.writeToChild(TO_WORKER, data)

    def loseConnection(self) -> None:
        """Kill the worker: it has sent data that is not a message."""
        self.process.signalProcess("KILL")


def _exit_reason(value: Any) -> str:
    """Return a predicate for the log that says how a process exited."""
    if value.signal is not None:
        names = {one.value: one.name for one in Signals}  # real-time signals have no name
        return f"was killed by {names.get(value.signal, f'signal {value.signal}')}"
    return f"exited with status {value.exitCode}"


def _flags(own: Any) -> list[str]:
    """Return the options that isolate a worker's Python as much as a Python with these flags is.

    Without `-S`, a `.pth` file of a Debian package can replace our `zope` by its own. `-I` cannot be used,
    because it ignores PYTHONPATH.
    """
    return ["-P", "-S"] if own.no_site else ["-P"]


def _environ(own: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a worker, without the variables that this Python was started to ignore."""
    return {
        name: value
        for name, value in environ.items()
        if not (own.ignore_environment and name.startswith("PYTHON"))
    }


def _paths() -> list[str]:
    """Return PYTHONPATH for a worker, so that it imports the same modules as this process."""
    return [path for path in sys.path if Path(path).is_absolute()]
