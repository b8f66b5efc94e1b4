"""What `twistd wsevents` runs: one gateway, or workers that are one each, or the demonstration."""

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
from wsevents.connections.listeners import check_again
from wsevents.demo.document import embedded
from wsevents.demo.greeting import greeting
from wsevents.demo.service import DemoService
from wsevents.endpoints.expiry import tell_of_ends
from wsevents.endpoints.self_signed import ensure_certificate
from wsevents.logs.level import LEVEL
from wsevents.logs.twistd_log import TwistdLog
from wsevents.system.exit_status import exit_status
from wsevents.system.signals import hold
from wsevents.system.sockets import check_open_files
from wsevents.system.systemd import here
from wsevents.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wsevents.api.settings import Config
    from wsevents.app.gateway import Gateway

    Put = Callable[[Config], Awaitable[None]]

_log = Logger()


class Options(usage.Options):
    """`twistd wsevents [--config FILE]`."""

    synopsis = "[--config FILE]"
    longdesc = (
        "Pushes telephony events from RabbitMQ over encrypted WebSockets to whoever may see them. "
        "Without --config it is a demonstration that needs nothing: an in-memory bus with made-up calls, "
        "on https://localhost:9502/ only."
    )
    optParameters = [  # noqa: RUF012 as twisted has it
        [
            "config",
            "c",
            None,
            "YAML file, such as /etc/wsevents/config.yml; the *.yml of conf.d beside it are merged in",
        ]
    ]


def makeService(options: Options) -> TwistdLog:
    """Return the gateway that the options ask for, or what has workers that are one each.

    Raises:
        SystemExit: the configuration cannot be used; why was told, a line a problem.
    """
    from twisted.internet import reactor  # noqa: PLC0415 importing it installs it

    if options["config"] is not None:
        hold(Signals.SIGHUP)  # it is for the configuration to be read again, and not to end what starts
    # What is there now is there for ever: Python need not look through it for garbage again and again.
    reactor.callWhenRunning(gc.freeze)
    try:
        service, settings = _made(reactor, options["config"])
    except WseventsError as error:
        raise exit_status(error) from None
    return TwistdLog(service, settings, options.parent or {}, reactor)


def _made(reactor: Any, file: str | None) -> tuple[MainService, Log]:
    """Return what a configuration asks for, and how it logs; without one, the demonstration."""
    check_open_files()
    plugins = Plugins()
    if file is None:
        return demonstration(reactor, plugins, os.environ), Log()
    return configured(reactor, Path(file), plugins, os.environ)


def configured(
    reactor: Any, path: Path, plugins: Plugins, environ: Mapping[str, str]
) -> tuple[MainService, Log]:
    """Return what a file asks for, which is read again at each SIGHUP. Raises ConfigurationError."""

    def read() -> Config:
        config = load(path, plugins, environ)
        tell_of_ends([listener.endpoint for listener in config.listen], datetime.now(UTC))
        return config

    def again() -> Config:
        config = read()
        Composition(reactor, config, plugins).gateway()
        return config

    config = read()
    count = processes(config)
    parts = (
        several(reactor, config, plugins, count)
        if count > 1
        else alone(Composition(reactor, config, plugins))
    )
    station, main, commit = parts
    return MainService(reactor, station, main, here(), Reload(config, again, commit)), config.log


def alone(
    composition: Composition, announce: Callable[[Gateway], None] = lambda _gateway: None
) -> tuple[StatusListener, Gateway, Put]:
    """Return one gateway: with its status listener, itself, and what puts a configuration in force."""
    gateway = composition.gateway(announce)
    station = StatusListener(
        composition.reactor,
        gateway,
        SingleProcess(composition.introspection),
        composition.config.status.endpoint,
    )

    async def commit(config: Config) -> None:
        for act in station.prepare(), composition.prepare(config):
            act()

    return station, gateway, commit


def several(
    reactor: Any, config: Config, plugins: Plugins, count: int
) -> tuple[StatusListener, Supervisor, Put]:
    """Return the same of so many workers. Raises ConfigurationError."""
    supervisor = supervised(reactor, config, plugins, count)
    station = StatusListener(reactor, supervisor, WorkerProcesses(supervisor.workers), config.status.endpoint)

    async def commit(config: Config) -> None:
        act = station.prepare()
        await supervisor.reconfigure(config)
        LEVEL.set(config.log.level)
        act()

    return station, supervisor, commit


def processes(config: Config) -> int:
    """Return how many processes are to serve; `auto` is one for each core that this one may use."""
    return len(os.sched_getaffinity(0)) if config.workers == "auto" else config.workers


def supervised(reactor: Any, config: Config, plugins: Plugins, count: int) -> Supervisor:
    """Return the supervisor of so many workers.

    Raises:
        ConfigurationError: a worker could not use the configuration.
    """

    def check() -> None:
        for number, listener in enumerate(config.listen):
            check_again(listener.endpoint, f"listen[{number}]")
        Composition(reactor, config, plugins).gateway()

    check()
    return Supervisor(reactor, config, count, check)


def demonstration(reactor: Any, plugins: Plugins, environ: Mapping[str, str]) -> MainService:
    """Return the embedded default: a configuration of its own, made-up events, this machine only.

    Raises:
        StartError: its certificate cannot be kept.
        ConfigurationError, PluginError: an installed dialect cannot be used.
    """
    state = state_folder(environ)
    ensure_certificate(state)
    config = embedded(state, plugins, environ)
    config = evolve(config, listen=[one for one in config.listen if _is_here(one.endpoint)])
    composition = Composition(reactor, config, plugins)
    station, gateway, _ = alone(composition, lambda gateway: _announce(gateway, config, plugins))
    DemoService(
        composition.bus,
        config.bus.exchange_name,
        clock=reactor,
        now=time.time,
        entropy=SystemRandom(),
        origin=config.origin_uuid,
    ).setServiceParent(gateway)
    return MainService(reactor, station, gateway, here())


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return where the embedded default keeps its certificate (XDG base directory specification)."""
    if named := environ.get("WSEVENTS_STATE"):
        return Path(named).absolute()
    root = environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(root) / "wsevents"


def _is_here(string: str) -> bool:
    """Say whether this machine has the address; many have no IPv6."""
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
    """Say where the demonstration is to be found, and what opens it."""
    port = gateway.ports[0].getHost().port  # type: ignore[attr-defined]  # it is TCP
    for line in greeting(config, plugins.dialects(), port, time.time()):
        _log.info("{line}", line=line)
