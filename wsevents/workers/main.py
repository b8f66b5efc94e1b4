"""What a worker process runs: `python -m wsevents.workers.main NUMBER REACTOR`.

The supervisor starts it, and gives it all that it needs: on standard input what it is to know, as
descriptor 3 its end of the channel, as 4 and 5 the link. It says what it has to say on standard
output, a line each.
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
from wsevents.connections.listeners import check_again
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
"""How long a worker goes on at most once its supervisor is gone."""

_log = Logger(__spec__.name)  # not __main__


def main() -> None:
    """Serve until told to end, or until the supervisor is gone. Raises SystemExit: it cannot."""
    import_module(sys.argv[2]).install()
    startup: StartupMessage = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 our own supervisor wrote it
    LEVEL.set(startup.config.log.level)
    observer = LogObserver(_tell)
    globalLogBeginner.beginLoggingTo([observer])
    from twisted.internet import reactor  # noqa: PLC0415 it was only just installed

    observer.attend(reactor)
    try:
        WorkerProcess(reactor, startup, socket.socket(fileno=CHANNEL)).start()
    except WseventsError as error:
        raise exit_status(error) from None
    reactor.callWhenRunning(gc.freeze)  # as `tap.makeService` has it
    reactor.run()


def _tell(line: LogLine) -> None:
    """Pass a line of the log on to the supervisor; when that is gone, nobody is there to hear it."""
    rest = encode(line)
    with suppress(OSError):
        while rest:
            rest = rest[os.write(1, rest) :]


class WorkerProcess:
    """The gateway of a worker, and its end of the channel.

    Args:
        reactor: not yet running.
        brief: what it is to know.
        end: of the channel.

    Raises:
        ConfigurationError: a file that the configuration names cannot be used any more.
    """

    def __init__(self, reactor: Any, startup: StartupMessage, end: socket.socket) -> None:
        for number, (listener, address) in enumerate(
            zip(startup.config.listen, startup.addresses, strict=True)
        ):
            if not address.plain:
                check_again(listener.endpoint, f"listen[{number}]")
        self._commit: Callable[[], None] = lambda: None
        self._reactor = reactor
        self._adopted_ports = AdoptedPorts(reactor, startup.addresses)
        self._channel = FdChannel(reactor, end, self._heard, self._supervisor_gone)
        composition = self._composition = Composition(reactor, startup.config, Plugins())
        self._gateway = composition.gateway(listening=self._adopted_ports, watch=self._watch)
        self._introspection = composition.introspection

    def start(self) -> None:
        """Start the gateway, let it be asked, and say when it is under way.

        Raises:
            SystemExit: it cannot be started.
        """
        self._gateway.privilegedStartService()
        self._gateway.startService()
        rpc = Rpc(self._reactor, self._answers())
        StandardIO(rpc, TO_WORKER, FROM_WORKER, self._reactor)  # type: ignore[call-arg]  # mypy sees Windows'
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._reactor.callWhenRunning(self._running)

    def _answers(self) -> dict[str, Callable[[Any], Any]]:
        """Return what the supervisor may ask: each a question and what answers it."""
        return {
            **self._introspection.answers(),
            "health": lambda _: self._gateway.health(),
            "prepare": self._prepare,
            "commit": lambda _: self._commit(),
            "hurry": lambda _: self._gateway.hurry(),
        }

    def _prepare(self, config: Config) -> None:
        """Get ready for a configuration, without any change yet. Raises ConfigurationError."""
        self._commit = self._composition.prepare(config)

    def _running(self) -> None:
        # Both systemd and the supervisor send a SIGTERM: the second is the first. It is by the link that the
        # supervisor says that it is in a hurry, and that there is another configuration.
        handle_signals(self._reactor, dict.fromkeys((signal.SIGTERM, signal.SIGINT), lambda _: self._end()))
        ignore(signal.SIGHUP)
        self._channel.say(ControlMessage.READY)

    def _end(self) -> None:
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._leave())

    async def _leave(self) -> None:
        """Stop in order, and be given nobody meanwhile."""
        self._channel.say(ControlMessage.LEAVING)
        try:
            await self._gateway.stopService()
        finally:
            self._channel.close()

    def _watch(self, up: bool) -> None:
        self._channel.say(ControlMessage.BUS_UP if up else ControlMessage.BUS_LOST)

    def _heard(self, message: bytes, carried: int | None) -> None:
        """Take a connection in."""
        if carried is None:
            _log.error(
                "a connection was lost, as this worker has too many open files; {remedy}", remedy=MORE_FILES
            )
            self._left()
            return
        try:
            self._adopted_ports.ports[int(message)].take(carried, self._left)
        except OSError:  # the peer was faster to go than it was passed on
            self._left()

    def _left(self) -> None:
        self._channel.say(ControlMessage.LEFT)

    def _supervisor_gone(self) -> None:
        """End as well: whoever starts wsevents again finds nothing of it left."""
        signal.alarm(ORPHAN_SECONDS)  # whatever happens: its default action ends the process
        _log.warn("the supervisor is gone")
        self._gateway.hurry()
        self._end()


if __name__ == "__main__":
    main()
