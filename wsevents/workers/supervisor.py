"""The supervisor: it listens, starts the workers, distributes connections to them, and restarts them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wsevents.api.errors import ConfigurationError
from wsevents.app.health import combined_health
from wsevents.app.shutdown_wait import ShutdownWait
from wsevents.connections.listeners import OpenListener, Ports
from wsevents.connections.registry import Registry
from wsevents.system.exit_status import exit_status
from wsevents.system.sockets import raise_open_files
from wsevents.workers.accepting_port import AcceptingPorts, NullFactory
from wsevents.workers.balancing import Balancer
from wsevents.workers.liveness import ROUND_SECONDS
from wsevents.workers.restart_delay import RestartDelay
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
"""Time for the workers to stop, in addition to the drain time."""
FAST_STOP_SECONDS = 4.0
"""Total time for the workers to stop after a second signal."""
KILL_SECONDS = 2.0
"""Time for killed workers to exit."""


class Supervisor(Service):
    """Runs a fixed number of workers until it stops.

    The supervisor stays in the process that twistd started and keeps the log, the ports below 1024 and the
    signals. It never reads data from a peer.

    Args:
        reactor: provides time, ports and processes.
        config: the checked configuration of the workers.
        count: number of workers.
        check: raises ConfigurationError if a worker could not use the configuration now; called after the
            change to the user that the workers run as.
    """

    _log = Logger()

    def __init__(self, reactor: Any, config: Config, count: int, check: Callable[[], None]) -> None:
        numbers = range(1, count + 1)
        self._reactor, self._config, self._check = reactor, config, check
        self._accepting_ports = AcceptingPorts(reactor, self._distribute)
        self._ports = Ports(self._accepting_ports.listen)
        self._balancer = Balancer(numbers)
        self._restart_delays = {number: RestartDelay() for number in numbers}
        self._workers: dict[int, Worker] = {}
        self._serving: dict[int, Worker] = {}
        self._alive: Registry[Worker] = Registry()
        self._start_timers: dict[int, Any] = {}
        self._round_timer: Any = None
        self._startup = b""
        self._shutdown_wait = ShutdownWait(reactor)

    # -- start and stop -------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, but accept no connections before the workers are ready. Raises SystemExit."""
        raise_open_files()  # connections for a hanging worker queue up in this process
        self._ports.open(
            [
                OpenListener(listener.endpoint, NullFactory(), f"listen[{number}]")
                for number, listener in enumerate(self._config.listen)
            ]
        )

    def startService(self) -> None:
        """Start the workers. Raises SystemExit if they could not use the configuration."""
        try:
            self._check()
            check_interpreter()
            self._startup = self._startup_message(self._config)
        except ConfigurationError as error:
            self._ports.close()
            raise exit_status(error) from None
        super().startService()
        self._check_workers()
        for number in self._restart_delays:
            self._start_timers[number] = self._reactor.callLater(0, self._start, number)

    def _startup_message(self, config: Config) -> bytes:
        """Return the startup message, pickled. Raises ConfigurationError."""
        try:
            return pickle.dumps(StartupMessage(config, self._accepting_ports.addresses))
        except Exception as error:  # noqa: BLE001 the settings of a third-party plug-in may hold anything
            raise ConfigurationError(
                "the settings of a plug-in cannot be passed to workers "
                f"({type(error).__name__}); set `workers` to 1"
            ) from None

    def _start(self, number: int) -> None:
        self._start_timers.pop(number, None)
        worker = self._workers[number] = Worker(self._reactor, number, self)
        self._alive.add(worker)
        worker.config = self._config
        worker.start(self._startup)
        if worker in self._alive:
            self._log.info("{name} starts", name=worker.name)

    def stopService(self) -> Deferred[None]:
        """Stop the workers; the Deferred fires when all have exited."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def workers(self) -> dict[int, Worker | None]:
        """Return each worker by its number; None if its process is not running."""
        running = {worker.number: worker for worker in self._alive if worker.pid}
        return {number: running.get(number) for number in self._restart_delays}

    async def _stop(self) -> None:
        for timer in self._start_timers.values():
            timer.cancel()
        self._start_timers.clear()
        if self._round_timer is not None:
            self._round_timer.cancel()
        await self._ports.close()
        for worker in self._alive:
            worker.stop()
        limits = ((self.stop_seconds, FAST_STOP_SECONDS), (KILL_SECONDS, KILL_SECONDS))
        for seconds, fast in limits:
            await self._shutdown_wait.wait(self._alive.empty(), seconds, fast)
            for worker in self._alive:
                self._log.warn("{name} did not exit in time; killing it", name=worker.name)
                worker.kill()

    @property
    def stop_seconds(self) -> float:
        """The maximum time of a stop, in seconds; then the workers are killed."""
        return self._config.drain.seconds + STOP_SECONDS

    def stop_now(self) -> None:
        """Shorten a stop that is in progress."""
        self._shutdown_wait.shorten()
        for worker in self._alive:
            worker.ask("stop_now").addErrback(_ignore_rpc_error)

    # -- health ---------------------------------------------------------------------------------

    def _check_workers(self) -> None:
        """Send a health request to each worker; kill the workers that have not answered for too long."""
        self._round_timer = self._reactor.callLater(ROUND_SECONDS, self._check_workers)
        for worker in self._serving.values():
            worker.liveness.begin_round()
            if worker.liveness.slow:
                self._log.warn(
                    "{name} is not responding; routing new connections to other workers", name=worker.name
                )
                self._balancer.set_responding(worker.number, False)
            if worker.liveness.stuck:
                self._log.warn("{name} is not responding; killing it", name=worker.name)
                worker.kill()
            self._ask_health(worker)

    def _ask_health(self, worker: Worker) -> None:
        worker.ask("health").addCallbacks(self._health_answered, _ignore_rpc_error, callbackArgs=(worker,))

    def _health_answered(self, health: Health, worker: Worker) -> None:
        worker.health = health
        worker.liveness.answered()
        self._balancer.set_responding(worker.number, True)

    def health(self) -> Health:
        """Return the combined health of all workers."""
        known = [worker.health for worker in self._serving.values() if worker.health is not None]
        return combined_health(known, len(self._restart_delays))

    def responsive(self) -> bool:
        """Return False if a worker hangs and cannot be killed."""
        return not any(worker.liveness.hopeless for worker in self._serving.values())

    # -- reload ---------------------------------------------------------------------------------

    async def reconfigure(self, config: Config) -> None:
        """Apply a configuration to all workers, and to the workers that start later.

        Raises:
            ConfigurationError: a worker cannot use it; the previous configuration stays in force.
        """
        startup = self._startup_message(config)
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
            worker.ask("commit").addErrback(_ignore_rpc_error)
        for worker in self._serving.values():
            self._update_config(worker)

    def _update_config(self, worker: Worker) -> None:
        """Send the current configuration to a worker that started before the last reload."""
        if worker.config is self._config:
            return
        worker.config = self._config
        updated = worker.ask("prepare", self._config)
        updated.addCallback(lambda _: worker.ask("commit"))
        updated.addErrback(self._update_failed, worker)

    def _update_failed(self, failure: Failure, worker: Worker) -> None:
        why = failure.getErrorMessage()
        self._log.warn(
            "{name} still has the configuration from before the reload: {why}", name=worker.name, why=why
        )

    # -- connections ----------------------------------------------------------------------------

    def _distribute(self, listener: int, connection: socket.socket) -> None:
        """Send an accepted connection to the worker that the balancer selects."""
        number = self._balancer.choose()
        if number is None:
            connection.close()
        elif self._workers[number].give(listener, connection):
            self._balancer.connection_added(number)

    def _update_accepting(self) -> None:
        if self.running:
            self._accepting_ports.accept(self._balancer.open)

    # -- WorkerObserver -------------------------------------------------------------------------

    def ready(self, worker: Worker) -> None:
        self._log.info("{name} is ready", name=worker.name)
        self._balancer.ready(worker.number)
        self._serving[worker.number] = worker
        self._update_config(worker)
        self._ask_health(worker)
        self._update_accepting()

    def bus_changed(self, worker: Worker, up: bool) -> None:
        self._balancer.set_bus(worker.number, up)

    def connection_closed(self, worker: Worker) -> None:
        self._balancer.connection_closed(worker.number)

    def stopping(self, worker: Worker) -> None:
        """Send the worker no further connections; kill it if it does not exit in time."""
        self._balancer.ended(worker.number)
        if self._serving.pop(worker.number, None) is not None:
            worker.kill_after(self.stop_seconds)
        self._update_accepting()

    def ended(self, worker: Worker, how: str, lifetime: float) -> None:
        """Restart the worker, unless the supervisor stops."""
        self._alive.remove(worker)
        self._serving.pop(worker.number, None)
        self.stopping(worker)
        if not self.running:
            self._log.info("{name} {how}", name=worker.name, how=how)
            return
        delay = self._restart_delays[worker.number].after(lifetime)
        when = f"in {delay:g} s" if delay else "now"
        self._log.warn("{name} {how}; restarting it {when}", name=worker.name, how=how, when=when)
        self._start_timers[worker.number] = self._reactor.callLater(delay, self._start, worker.number)


def _ignore_rpc_error(failure: Failure) -> None:
    """Ignore a request that failed: the liveness check detects a worker that is not responding."""
    failure.trap(RpcError)
