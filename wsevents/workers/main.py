"""The program of a worker process: `python -m wsevents.workers.main NUMBER REACTOR`.

The supervisor starts it with everything that it needs: the startup message on standard input, the worker's
end of the channel as descriptor 3, and the pipes of the RPC connection as descriptors 4 and 5. The worker
writes its log to standard output, one record per line.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger, globalLogBeginner

from wsevents.api.errors import WseventsError
from wsevents.app.composition import Composition
from wsevents.config.plugins import Plugins
from wsevents.connections.listeners import recheck_endpoint
from wsevents.logs.level import LEVEL
from wsevents.logs.observer import LogObserver
from wsevents.system.exit_status import exit_status
from wsevents.system.signals import handle_signals, ignore
from wsevents.system.sockets import MORE_FILES
from wsevents.workers.adopted_port import AdoptedPorts
from wsevents.workers.fd_channel import FdChannel
from wsevents.workers.log_record import encode
from wsevents.workers.rpc import FROM_WORKER, TO_WORKER, Rpc
from wsevents.workers.startup_message import ControlMessage
from wsevents.workers.worker import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.api.settings import Config
    from wsevents.logs.record import LogLine
    from wsevents.workers.startup_message import StartupMessage

ORPHAN_SECONDS = 20
"""Maximum time that a worker runs after its supervisor has exited."""

_log = Logger(__spec__.name)  # not __main__


def main() -> None:
    """Serve connections until a signal arrives or the supervisor exits.

    Raises:
        SystemExit: the gateway cannot start.
    """
    import_module(sys.argv[2]).install()
    startup: StartupMessage = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 our own supervisor wrote it
    LEVEL.set(startup.config.log.level)
    observer = LogObserver(_write_log)
    globalLogBeginner.beginLoggingTo([observer])
    from twisted.internet import reactor  # noqa: PLC0415 it was only just installed

    observer.attach(reactor)
    try:
        WorkerProcess(reactor, startup, socket.socket(fileno=CHANNEL)).start()
    except WseventsError as error:
        raise exit_status(error) from None
    reactor.callWhenRunning(gc.freeze)  # as `tap.makeService` does
    reactor.run()


def _write_log(line: LogLine) -> None:
    """Write a log line to the supervisor; discard it if the supervisor has exited."""
    rest = encode(line)
    with suppress(OSError):
        while rest:
            rest = rest[os.write(1, rest) :]


class WorkerProcess:
    """The gateway of a worker, and the worker's end of the channel.

    Args:
        reactor: a reactor that does not run yet.
        startup: the configuration and the listeners' addresses.
        end: the worker's socket of the channel.

    Raises:
        ConfigurationError: a file that the configuration names can no longer be used.
    """

    def __init__(self, reactor: Any, startup: StartupMessage, end: socket.socket) -> None:
        for number, (listener, address) in enumerate(
            zip(startup.config.listen, startup.addresses, strict=True)
        ):
            if not address.plain:
                recheck_endpoint(listener.endpoint, f"listen[{number}]")
        self._commit: Callable[[], None] = lambda: None
        self._reactor = reactor
        self._adopted_ports = AdoptedPorts(reactor, startup.addresses)
        self._channel = FdChannel(reactor, end, self._connection_received, self._supervisor_exited)
        composition = self._composition = Composition(reactor, startup.config, Plugins())
        self._gateway = composition.gateway(listening=self._adopted_ports, watch=self._bus_changed)
        self._introspection = composition.introspection

    def start(self) -> None:
        """Start the gateway and the RPC connection; send READY once the reactor runs.

        Raises:
            SystemExit: the gateway cannot start.
        """
        self._gateway.privilegedStartService()
        self._gateway.startService()
        rpc = Rpc(self._reactor, self._handlers())
        StandardIO(rpc, TO_WORKER, FROM_WORKER, self._reactor)  # type: ignore[call-arg]  # mypy sees Windows'
        self._reactor.addSystemEventTrigger("before", "shutdown", self._before_shutdown)
        self._reactor.callWhenRunning(self._running)

    def _handlers(self) -> dict[str, Callable[[Any], Any]]:
        """Return the RPC requests that this worker answers, by name."""
        return {
            **self._introspection.answers(),
            "health": lambda _: self._gateway.health(),
            "prepare": self._prepare,
            "commit": lambda _: self._commit(),
            "stop_now": lambda _: self._gateway.stop_now(),
        }

    def _prepare(self, config: Config) -> None:
        """Prepare a reload; `commit` puts it in force. Raises ConfigurationError."""
        self._commit = self._composition.prepare(config)

    def _running(self) -> None:
        # On a stop, systemd and the supervisor both send SIGTERM. The second one must not shorten the stop;
        # the supervisor requests that, and a reload, by RPC.
        handle_signals(
            self._reactor, dict.fromkeys((signal.SIGTERM, signal.SIGINT), lambda _: self._stop_reactor())
        )
        ignore(signal.SIGHUP)
        self._channel.send(ControlMessage.READY)

    def _stop_reactor(self) -> None:
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _before_shutdown(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop_gateway())

    async def _stop_gateway(self) -> None:
        """Tell the supervisor to send no further connections, and stop the gateway."""
        self._channel.send(ControlMessage.STOPPING)
        try:
            await self._gateway.stopService()
        finally:
            self._channel.close()

    def _bus_changed(self, up: bool) -> None:
        self._channel.send(ControlMessage.BUS_UP if up else ControlMessage.BUS_LOST)

    def _connection_received(self, listener: bytes, descriptor: int | None) -> None:
        """Serve a connection of the listener with this number."""
        if descriptor is None:  # the kernel could not allocate a descriptor in this process
            _log.error(
                "a connection was lost: too many open files in this worker; {remedy}", remedy=MORE_FILES
            )
            self._connection_closed()
            return
        try:
            self._adopted_ports.ports[int(listener)].adopt(descriptor, self._connection_closed)
        except OSError:  # the peer disconnected during the transfer
            self._connection_closed()

    def _connection_closed(self) -> None:
        self._channel.send(ControlMessage.CONNECTION_CLOSED)

    def _supervisor_exited(self) -> None:
        """Stop this worker, so that a restarted wsevents finds no worker of the previous supervisor."""
        signal.alarm(ORPHAN_SECONDS)  # if the stop hangs, SIGALRM's default action ends the process
        _log.warn("the supervisor has exited; stopping this worker")
        self._gateway.stop_now()
        self._stop_reactor()


if __name__ == "__main__":
    main()
