"""One worker process as the supervisor has it, from its start to its end."""

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
"""What a worker runs."""
CHANNEL = 3
"""The descriptor of its end of the channel."""
START_SECONDS = 60.0
"""How long it may take until it is ready."""


def check_interpreter(path: str = sys.executable) -> None:
    """Check that this user may run Python. Raises ConfigurationError."""
    if not os.access(path, os.X_OK):
        raise ConfigurationError(
            f"workers: {path} cannot be run by the user {os.geteuid()}, who they are to be; "
            "let that user run it, or set `workers` to 1"
        )


class WorkerObserver(Protocol):
    """Who has workers."""

    def ready(self, worker: Worker) -> None:
        """It takes connections from now on."""

    def has_bus(self, worker: Worker, up: bool) -> None:
        """Its bus is up, or is lost."""

    def lost(self, worker: Worker) -> None:
        """One of its connections is over."""

    def silent(self, worker: Worker) -> None:
        """It takes no connections any more, and is about to end."""

    def ended(self, worker: Worker, how: str, lived: float) -> None:
        """It is gone; `how` goes on after its name, `lived` is in seconds."""


class Worker(ProcessProtocol):
    """A process, and the channel to it.

    Args:
        reactor: starts it.
        number: from 1.
        chief: is told what becomes of it.

    Attributes:
        name: what it is called in the log, once it was started.
        vigil: whether it answers.
        condition: how it was when it last said so; None: it has not yet.
        config: what it has, or was told to have.
        pid: of the process, or 0.
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
        self._late: Any = None
        self._began = 0.0

    def start(self, startup: bytes) -> None:
        """Start it; what it is to know goes through a pipe, where nobody else can read it."""
        ours, theirs = pair()
        self._began = self._reactor.seconds()
        self._channel = FdChannel(self._reactor, ours, self._heard, self._silent)
        with theirs:
            try:
                self._spawn(theirs.fileno())
            except OSError as error:
                self._over(f"cannot be started: {error.strerror}")
                return
        self.pid = self.transport.pid
        self.name = f"worker {self.number} (pid {self.pid})"
        self._late = self._reactor.callLater(START_SECONDS, self.kill)
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
        """Let it be asked."""
        self._rpc.makeConnection(_Pipe(self.transport))

    def give(self, listener: int, connection: socket.socket) -> bool:
        """Give it a connection that came to a listener; False: it is gone, and so is the connection."""
        if self._channel is None:
            connection.close()
            return False
        return self._channel.say(b"%d" % listener, connection)

    def ask(self, name: str, argument: Any = None) -> Deferred[Any]:
        """Ask it; fires with its answer, fails with LinkError."""
        return self._rpc.ask(name, argument)

    def leave(self, seconds: float) -> None:
        """Let it end by itself, as it has begun to; kill it if that takes longer."""
        if self._late is None and self.pid:
            self._late = self._reactor.callLater(seconds, self.kill)

    def stop(self) -> None:
        """Have it end in order."""
        self._signal("TERM")

    def kill(self) -> None:
        """End it at once."""
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    # -- what it says ---------------------------------------------------------------------------

    def _heard(self, message: bytes, _carried: int | None) -> None:
        if message == ControlMessage.READY:
            self._in_time()
            self._observer.ready(self)
        elif message == ControlMessage.LEFT:
            self._observer.lost(self)
        elif message == ControlMessage.LEAVING:
            self._observer.silent(self)
        else:
            self._observer.has_bus(self, message == ControlMessage.BUS_UP)

    def _silent(self) -> None:
        self._observer.silent(self)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass on what it says."""
        if childFD == FROM_WORKER:
            self._rpc.dataReceived(data)
        else:
            self._tell(self._splitters[childFD].feed(data))

    def _tell(self, lines: list[bytes]) -> None:
        for data in lines:
            line = decode(data, __name__, self.number)
            told = line if line.time is not None else evolve(line, time=time())
            globalLogPublisher(
                {
                    "log_level": LogLevel.levelWithName(line.level),
                    "log_namespace": line.who,
                    "log_time": told.time,
                    "log_format": "worker {worker}: {text}",
                    "worker": self.number,
                    "text": f"{line.text}\n{line.trace}" if line.trace else line.text,
                    "line": told,  # what the log of this process makes of it; see `wsevents.logs.observer`
                    "folded": told is line,  # the worker has done so
                }
            )

    # -- its end --------------------------------------------------------------------------------

    def processEnded(self, reason: Failure) -> None:
        """Say how it ended, after everything that it said itself."""
        for splitter in self._splitters.values():
            self._tell(splitter.rest())
        self._over(_how(reason.value))

    def _over(self, how: str) -> None:
        self._in_time()
        if self._channel is not None:
            self._channel.close()
        self._rpc.connectionLost()
        self._observer.ended(self, how, self._reactor.seconds() - self._began)

    def _in_time(self) -> None:
        late, self._late = self._late, None
        if late is not None and late.active():
            late.cancel()


@frozen
class _Pipe:
    """The way to a worker, as far as its link needs one."""

    process: Any

    def write(self, data: bytes) -> None:
        """Send."""
        self.process.writeToChild(TO_WORKER, data)

    def loseConnection(self) -> None:
        """What it said makes no sense: it cannot go on."""
        self.process.signalProcess("KILL")


def _how(value: Any) -> str:
    """Return how a process ended."""
    if value.signal is not None:
        names = {one.value: one.name for one in Signals}  # without those of real time
        return f"was ended by {names.get(value.signal, f'signal {value.signal}')}"
    return f"ended with status {value.exitCode}"


def _flags(own: Any) -> list[str]:
    """Return the options for a Python that is to be as isolated as one with these flags.

    Without `-S` a `.pth` file of Debian's can put its own `zope` in place of ours. `-I` would hide
    PYTHONPATH as well.
    """
    return ["-P", "-S"] if own.no_site else ["-P"]


def _environ(own: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for it; what this process was told to ignore is not passed on."""
    return {
        name: value
        for name, value in environ.items()
        if not (own.ignore_environment and name.startswith("PYTHON"))
    }


def _paths() -> list[str]:
    """Return where modules are found, for a process that is to find the same."""
    return [path for path in sys.path if Path(path).is_absolute()]
