"""The one process that listens: it starts workers, deals connections out to them, and watches over them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wsevents.api.errors import ConfigurationError
from wsevents.app.health import together
from wsevents.app.shutdown_wait import ShutdownWait
from wsevents.connections.listeners import OpenListener, Ports
from wsevents.connections.registry import Registry
from wsevents.system.exit_status import exit_status
from wsevents.system.sockets import raise_open_files
from wsevents.workers.accepting_port import AcceptingPorts, NullFactory
from wsevents.workers.balancing import Balancer
from wsevents.workers.liveness import ROUND_SECONDS
from wsevents.workers.restart_delay import Restart
from wsevents.workers.rpc import RpcError
from wsevents.workers.startup_message import StartupMessage
from wsevents.workers.worker import Worker, check_interpreter

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from wsevents.api.settings import Config
    from wsevents.app.health import Health

STOP_SECONDS = 15.0
"""How long workers have to leave, beside the time over which their peers are told to go."""
HURRY_SECONDS = 4.0
"""The same in all, once it is to be at once."""
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
        self._accepting_ports = AcceptingPorts(reactor, self._arrived)
        self._ports = Ports(self._accepting_ports.listen)
        self._balance = Balancer(numbers)
        self._restarts = {number: Restart() for number in numbers}
        self._workers: dict[int, Worker] = {}
        self._serving: dict[int, Worker] = {}
        self._alive: Registry[Worker] = Registry()
        self._calls: dict[int, Any] = {}
        self._rounds: Any = None
        self._startup = b""
        self._shutdown_wait = ShutdownWait(reactor)

    # -- starting and stopping ------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, but let nobody in before there are workers. Raises SystemExit: it cannot."""
        raise_open_files()  # connections wait here for a worker that stands still
        self._ports.open(
            [
                OpenListener(listener.endpoint, NullFactory(), f"listen[{number}]")
                for number, listener in enumerate(self._config.listen)
            ]
        )

    def startService(self) -> None:
        """Start the workers. Raises SystemExit: they could not work."""
        try:
            self._check()
            check_interpreter()
            self._startup = self._written(self._config)
        except ConfigurationError as error:
            self._ports.close()
            raise exit_status(error) from None
        super().startService()
        self._check_workers()
        for number in self._restarts:
            self._calls[number] = self._reactor.callLater(0, self._start, number)

    def _written(self, config: Config) -> bytes:
        """Return what workers are told. Raises ConfigurationError."""
        try:
            return pickle.dumps(StartupMessage(config, self._accepting_ports.addresses))
        except Exception as error:  # noqa: BLE001 a stranger's settings may hold anything
            raise ConfigurationError(
                "the settings of a plug-in cannot be given to workers "
                f"({type(error).__name__}); set `workers` to 1"
            ) from None

    def _start(self, number: int) -> None:
        self._calls.pop(number, None)
        worker = self._workers[number] = Worker(self._reactor, number, self)
        self._alive.add(worker)
        worker.config = self._config
        worker.start(self._startup)
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
        if self._rounds is not None:
            self._rounds.cancel()
        await self._ports.close()
        for worker in self._alive:
            worker.stop()
        limits = ((self.stop_seconds, HURRY_SECONDS), (KILL_SECONDS, KILL_SECONDS))
        for seconds, short in limits:
            await self._shutdown_wait.wait(self._alive.empty(), seconds, short)
            for worker in self._alive:
                self._log.warn("{name} does not end and is killed", name=worker.name)
                worker.kill()

    @property
    def stop_seconds(self) -> float:
        """Seconds that workers may take to stop in order."""
        return self._config.drain.seconds + STOP_SECONDS

    def hurry(self) -> None:
        """If it is stopping, do so at once."""
        self._shutdown_wait.hurry()
        for worker in self._alive:
            worker.ask("hurry").addErrback(_gone)

    # -- how the workers are --------------------------------------------------------------------

    def _check_workers(self) -> None:
        """Ask each worker how it is; kill those who have not said so for too long."""
        self._rounds = self._reactor.callLater(ROUND_SECONDS, self._check_workers)
        for worker in self._serving.values():
            worker.liveness.begin_round()
            if worker.liveness.slow:
                self._log.warn("{name} does not answer; others get the newcomers", name=worker.name)
                self._balance.answers(worker.number, False)
            if worker.liveness.stuck:
                self._log.warn("{name} does not answer and is killed", name=worker.name)
                worker.kill()
            self._ask_health(worker)

    def _ask_health(self, worker: Worker) -> None:
        worker.ask("health").addCallbacks(self._health_answered, _gone, callbackArgs=(worker,))

    def _health_answered(self, health: Health, worker: Worker) -> None:
        worker.health = health
        worker.liveness.answered()
        self._balance.answers(worker.number, True)

    def health(self) -> Health:
        """Return how all are as one."""
        known = [worker.health for worker in self._serving.values() if worker.health is not None]
        return together(known, len(self._restarts))

    def responsive(self) -> bool:
        """Say whether there is no worker that hangs and cannot be helped."""
        return not any(worker.liveness.hopeless for worker in self._serving.values())

    # -- reload ---------------------------------------------------------------------------------

    async def reconfigure(self, config: Config) -> None:
        """Put a configuration in force in all workers, and in those that are started later.

        Raises:
            ConfigurationError: a worker cannot; nothing has changed then.
        """
        startup = self._written(config)
        workers = list(self._serving.values())
        for worker in workers:
            try:
                await worker.ask("prepare", config)
            except RpcError as error:
                if worker.number in self._serving:
                    raise ConfigurationError(f"{worker.name}: {error}") from None
        self._config, self._startup = config, startup
        for worker in workers:
            worker.config = config
            worker.ask("commit").addErrback(_gone)
        for worker in self._serving.values():
            self._bring_up(worker)

    def _bring_up(self, worker: Worker) -> None:
        """Have a worker that was started before a reload, and was not ready yet, follow."""
        if worker.config is self._config:
            return
        worker.config = self._config
        followed = worker.ask("prepare", self._config)
        followed.addCallback(lambda _: worker.ask("commit"))
        followed.addErrback(self._behind, worker)

    def _behind(self, failure: Failure, worker: Worker) -> None:
        why = failure.getErrorMessage()
        self._log.warn(
            "{name} has the configuration from before the reload: {why}", name=worker.name, why=why
        )

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
            self._accepting_ports.accept(self._balance.open)

    # -- what workers tell ----------------------------------------------------------------------

    def ready(self, worker: Worker) -> None:
        """Deal connections out to it."""
        self._log.info("{name} is ready", name=worker.name)
        self._balance.ready(worker.number)
        self._serving[worker.number] = worker
        self._bring_up(worker)
        self._ask_health(worker)
        self._look()

    def has_bus(self, worker: Worker, up: bool) -> None:
        """Prefer it, or others."""
        self._balance.has_bus(worker.number, up)

    def lost(self, worker: Worker) -> None:
        """Count its connections."""
        self._balance.lost(worker.number)

    def silent(self, worker: Worker) -> None:
        """Give it no more connections; it has some time to end."""
        self._balance.ended(worker.number)
        if self._serving.pop(worker.number, None) is not None:
            worker.leave(self.stop_seconds)
        self._look()

    def ended(self, worker: Worker, how: str, lived: float) -> None:
        """Start it again, unless all are to end."""
        self._alive.remove(worker)
        self._serving.pop(worker.number, None)
        self.silent(worker)
        if not self.running:
            self._log.info("{name} {how}", name=worker.name, how=how)
            return
        wait = self._restarts[worker.number].ended(lived)
        when = f"in {wait:g} s" if wait else "at once"
        self._log.warn("{name} {how}; it is started again {when}", name=worker.name, how=how, when=when)
        self._calls[worker.number] = self._reactor.callLater(wait, self._start, worker.number)


def _gone(failure: Failure) -> None:
    """Take it that a worker does not answer; the rounds see to it."""
    failure.trap(RpcError)
