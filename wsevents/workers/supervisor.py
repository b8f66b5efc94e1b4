"""The one process that listens: it starts workers, deals connections out to them, and watches over them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wsevents.ending import ending
from wsevents.errors import ConfigurationError
from wsevents.kernel import raise_open_files
from wsevents.ports import Entrance, Ports
from wsevents.roster import Roster
from wsevents.workers.balance import Balance
from wsevents.workers.brief import Brief
from wsevents.workers.hatch import Hatches, Lobby
from wsevents.workers.restart import Restart
from wsevents.workers.worker import Worker, check_interpreter

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from wsevents.settings import Config

STOP_SECONDS = 15.0
"""How long workers have to say goodbye and leave the bus."""
KILL_SECONDS = 2.0
"""How long those that were killed have to be gone."""


class Supervisor(Service):
    """Has as many workers as it was told, until it stops.

    It stays in the process that twistd has started, and keeps what that gives it: the log, the ports
    below 1024, the signals. Nothing that a peer sends is read here.

    Args:
        reactor: time, ports and processes.
        config: for the workers; checked.
        count: of workers.
        check: raises ConfigurationError if a worker could not use the configuration now; called as the
            user that the workers will be.
    """

    _log = Logger()

    def __init__(self, reactor: Any, config: Config, count: int, check: Callable[[], None]) -> None:
        numbers = range(1, count + 1)
        self._reactor, self._config, self._check = reactor, config, check
        self._hatches = Hatches(reactor, self._arrived)
        self._ports = Ports(self._hatches.listen)
        self._balance = Balance(numbers)
        self._restarts = {number: Restart() for number in numbers}
        self._workers: dict[int, Worker] = {}
        self._alive: Roster[Worker] = Roster()
        self._calls: dict[int, Any] = {}
        self._brief = b""

    # -- starting and stopping ------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, but let nobody in before there are workers. Raises SystemExit: it cannot."""
        raise_open_files()  # connections wait here for a worker that stands still
        self._ports.open(
            [
                Entrance(listener.endpoint, Lobby(), f"listen[{number}]")
                for number, listener in enumerate(self._config.listen)
            ]
        )

    def startService(self) -> None:
        """Start the workers. Raises SystemExit: they could not work."""
        try:
            self._check()
            check_interpreter()
            self._brief = self._written()
        except ConfigurationError as error:
            self._ports.close()
            raise ending(error) from None
        super().startService()
        for number in self._restarts:
            self._calls[number] = self._reactor.callLater(0, self._start, number)

    def _written(self) -> bytes:
        """Return what workers are told."""
        try:
            return pickle.dumps(Brief(self._config, self._hatches.places))
        except Exception as error:  # noqa: BLE001 a stranger's settings may hold anything
            raise ConfigurationError(
                "the settings of a plug-in cannot be given to workers "
                f"({type(error).__name__}); set `workers` to 1"
            ) from None

    def _start(self, number: int) -> None:
        self._calls.pop(number, None)
        worker = self._workers[number] = Worker(self._reactor, number, self)
        self._alive.add(worker)
        worker.start(self._brief)
        if worker in self._alive:
            self._log.info("{name} starts", name=worker.name)

    def stopService(self) -> Deferred[None]:
        """Stop in order; fires when no worker is left."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def workers(self) -> dict[int, Worker | None]:
        """Return each worker by its number; None: it is not there, or not yet ready to answer."""
        here = {worker.number: worker for worker in self._alive if worker.pid}
        return {number: here.get(number) for number in self._restarts}

    async def _stop(self) -> None:
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        await self._ports.close()
        for worker in self._alive:
            worker.stop()
        for seconds in (STOP_SECONDS, KILL_SECONDS):
            gone = self._alive.empty()
            gone.addTimeout(seconds, self._reactor, onTimeoutCancel=_give_up)
            await gone
            for worker in self._alive:
                self._log.warn("{name} does not end and is killed", name=worker.name)
                worker.kill()

    # -- connections ----------------------------------------------------------------------------

    def _arrived(self, listener: int, connection: socket.socket) -> None:
        """Give a connection to the worker whose turn it is."""
        number = self._balance.choose()
        if number is None:
            connection.close()
        elif self._workers[number].give(listener, connection):
            self._balance.took(number)

    def _look(self) -> None:
        if self.running:
            self._hatches.accept(self._balance.open)

    # -- what workers tell ----------------------------------------------------------------------

    def ready(self, worker: Worker) -> None:
        """Deal connections out to it."""
        self._log.info("{name} is ready", name=worker.name)
        self._balance.ready(worker.number)
        self._look()

    def hears(self, worker: Worker, up: bool) -> None:
        """Prefer it, or others."""
        self._balance.hears(worker.number, up)

    def lost(self, worker: Worker) -> None:
        """Count its connections."""
        self._balance.lost(worker.number)

    def silent(self, worker: Worker) -> None:
        """Give it no more connections."""
        self._balance.ended(worker.number)
        self._look()

    def ended(self, worker: Worker, how: str, lived: float) -> None:
        """Start it again, unless all are to end."""
        self._alive.remove(worker)
        self.silent(worker)
        if not self.running:
            self._log.info("{name} {how}", name=worker.name, how=how)
            return
        wait = self._restarts[worker.number].ended(lived)
        when = f"in {wait:g} s" if wait else "at once"
        self._log.warn("{name} {how}; it is started again {when}", name=worker.name, how=how, when=when)
        self._calls[worker.number] = self._reactor.callLater(wait, self._start, worker.number)


def _give_up(result: object, timeout: float) -> None:
    """Go on without: `addTimeout` calls this in place of failing."""
