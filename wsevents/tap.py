"""What `twistd wsevents` runs: a single gateway, a supervisor with workers, or the demo."""

from __future__ import annotations

import gc
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from signal import Signals
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.logger import Logger
from twisted.python import usage

from wsevents.admin.cluster_view import SingleProcess, WorkerProcesses
from wsevents.admin.status_listener import StatusListener
from wsevents.api.errors import WseventsError
from wsevents.api.settings import Log
from wsevents.app.composition import Composition
from wsevents.app.reload import Reload
from wsevents.app.service import MainService
from wsevents.config.loader import load
from wsevents.config.plugins import Plugins
from wsevents.connections.listeners import recheck_endpoint
from wsevents.demo.document import embedded
from wsevents.demo.greeting import greeting
from wsevents.demo.service import DemoService
from wsevents.endpoints.expiry import log_expiry
from wsevents.endpoints.self_signed import ensure_certificate
from wsevents.logs.level import LEVEL
from wsevents.logs.twistd_log import TwistdLog
from wsevents.system.exit_status import exit_status
from wsevents.system.signals import hold
from wsevents.system.sockets import check_open_files
from wsevents.system.systemd import process_notifier
from wsevents.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wsevents.api.settings import Config
    from wsevents.app.gateway import Gateway

    Commit = Callable[[Config], Awaitable[None]]

_log = Logger()


class Options(usage.Options):
    """`twistd wsevents [--config FILE]`."""

    synopsis = "[--config FILE]"
    longdesc = (
        "Pushes telephony events from RabbitMQ over encrypted WebSockets to the clients that may see them. "
        "Without --config it runs a demo that needs no other service: an in-memory bus with made-up calls, "
        "on https://localhost:9502/ only."
    )
    optParameters = [  # noqa: RUF012 the attribute is defined by twisted
        [
            "config",
            "c",
            None,
            "YAML file, such as /etc/wsevents/config.yml; the files conf.d/*.yml next to it are merged in",
        ]
    ]


def makeService(options: Options) -> TwistdLog:
    """Return the service that the options ask for.

    Raises:
        SystemExit: the configuration is unusable; each problem was printed on a line of its own.
    """
    from twisted.internet import reactor  # noqa: PLC0415 importing it installs it

    if options["config"] is not None:
        hold(Signals.SIGHUP)  # by default it would end the process; it must only request a reload
    # Objects that exist now live until the process ends: the garbage collector need not examine them.
    reactor.callWhenRunning(gc.freeze)
    try:
        service, settings = _create_service(reactor, options["config"])
    except WseventsError as error:
        raise exit_status(error) from None
    return TwistdLog(service, settings, options.parent or {}, reactor)


def _create_service(reactor: Any, file: str | None) -> tuple[MainService, Log]:
    """Return the service of a configuration and its `log` section; without a file, the demo."""
    check_open_files()
    plugins = Plugins()
    if file is None:
        return demonstration(reactor, plugins, os.environ), Log()
    return configured(reactor, Path(file), plugins, os.environ)


def configured(
    reactor: Any, path: Path, plugins: Plugins, environ: Mapping[str, str]
) -> tuple[MainService, Log]:
    """Return the service of a configuration file, which SIGHUP reads again. Raises ConfigurationError."""

    def read() -> Config:
        config = load(path, plugins, environ)
        log_expiry([listener.endpoint for listener in config.listen], datetime.now(UTC))
        return config

    def reread() -> Config:
        config = read()
        Composition(reactor, config, plugins).gateway()
        return config

    config = read()
    count = processes(config)
    parts = (
        multiple_workers(reactor, config, plugins, count)
        if count > 1
        else single_gateway(Composition(reactor, config, plugins))
    )
    status_listener, main, commit = parts
    return MainService(
        reactor, status_listener, main, process_notifier(), Reload(config, reread, commit)
    ), config.log


def single_gateway(
    composition: Composition, announce: Callable[[Gateway], None] = lambda _gateway: None
) -> tuple[StatusListener, Gateway, Commit]:
    """Return a gateway in its status listener, the gateway itself, and a function that applies a reload."""
    gateway = composition.gateway(announce)
    status_listener = StatusListener(
        composition.reactor,
        gateway,
        SingleProcess(composition.introspection),
        composition.config.status.endpoint,
    )

    async def commit(config: Config) -> None:
        for apply in status_listener.prepare(), composition.prepare(config):
            apply()

    return status_listener, gateway, commit


def multiple_workers(
    reactor: Any, config: Config, plugins: Plugins, count: int
) -> tuple[StatusListener, Supervisor, Commit]:
    """Return a supervisor: as `single_gateway`, for `count` workers. Raises ConfigurationError."""
    supervisor = supervised(reactor, config, plugins, count)
    status_listener = StatusListener(
        reactor, supervisor, WorkerProcesses(supervisor.workers), config.status.endpoint
    )

    async def commit(config: Config) -> None:
        apply = status_listener.prepare()
        await supervisor.reconfigure(config)
        LEVEL.set(config.log.level)
        apply()

    return status_listener, supervisor, commit


def processes(config: Config) -> int:
    """Return the number of processes that serve peers; `auto` means one per available CPU core."""
    return len(os.sched_getaffinity(0)) if config.workers == "auto" else config.workers


def supervised(reactor: Any, config: Config, plugins: Plugins, count: int) -> Supervisor:
    """Return the supervisor of `count` workers.

    Raises:
        ConfigurationError: a worker could not use the configuration.
    """

    def check() -> None:
        for number, listener in enumerate(config.listen):
            recheck_endpoint(listener.endpoint, f"listen[{number}]")
        Composition(reactor, config, plugins).gateway()

    check()
    return Supervisor(reactor, config, count, check)


def demonstration(reactor: Any, plugins: Plugins, environ: Mapping[str, str]) -> MainService:
    """Return the embedded default: its own configuration and made-up events, on this machine only.

    Raises:
        StartError: its certificate cannot be stored.
        ConfigurationError, PluginError: an installed dialect is unusable.
    """
    state = state_folder(environ)
    ensure_certificate(state)
    config = embedded(state, plugins, environ)
    config = evolve(
        config, listen=[listener for listener in config.listen if _has_address(listener.endpoint)]
    )
    composition = Composition(reactor, config, plugins)
    status_listener, gateway, _ = single_gateway(
        composition, lambda gateway: _announce(gateway, config, plugins)
    )
    DemoService(
        composition.bus,
        config.bus.exchange_name,
        clock=reactor,
        now=time.time,
        entropy=SystemRandom(),
        origin=config.origin_uuid,
    ).setServiceParent(gateway)
    return MainService(reactor, status_listener, gateway, process_notifier())


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the embedded default's certificate (XDG base directory specification)."""
    if named := environ.get("WSEVENTS_STATE"):
        return Path(named).absolute()
    root = environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(root) / "wsevents"


def _has_address(string: str) -> bool:
    """Return whether this machine has the address of an endpoint; many machines have no IPv6."""
    if r"\:\:1" not in string:
        return True
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        _log.info("this machine has no ::1; listening on 127.0.0.1 only")
        return False
    return True


def _announce(gateway: Gateway, config: Config, plugins: Plugins) -> None:
    """Log the URL of the demo and the tokens to use."""
    port = gateway.ports[0].getHost().port  # type: ignore[attr-defined]  # it is TCP
    for line in greeting(config, plugins.dialects(), port, time.time()):
        _log.info("{line}", line=line)
