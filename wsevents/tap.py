"""The composition root: what `twistd wsevents` runs. The one module that knows all the others."""

from __future__ import annotations

import gc
import os
import socket
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from random import SystemRandom
from signal import Signals
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.internet.endpoints import quoteStringArgument
from twisted.logger import Logger
from twisted.python import usage

from wsevents.admission import Admission
from wsevents.alarms import Alarms
from wsevents.authenticators.lookups import Lookups
from wsevents.backlog import Backlog
from wsevents.certificate import ensure_certificate, passing
from wsevents.config import load, parse
from wsevents.demo.greeting import greeting
from wsevents.demo.service import DemoService
from wsevents.door import DoorFactory, Doorkeeper
from wsevents.ending import ending
from wsevents.endpoints import check_endpoint
from wsevents.errors import ConfigurationError, WseventsError
from wsevents.forwarded import proxies
from wsevents.gateway import Gateway
from wsevents.house import Gate, House, Mount
from wsevents.interfaces import IRenewable
from wsevents.kernel import check_open_files
from wsevents.ledger import Ledger
from wsevents.log.logged import Logged
from wsevents.log.threshold import THRESHOLD
from wsevents.operations.attendant import Attendant
from wsevents.operations.panel import Alone, Several
from wsevents.operations.pulse import Pulse
from wsevents.operations.station import Station
from wsevents.outbound import Flusher
from wsevents.plugins import Plugins
from wsevents.ports import Casings, Entrance, place
from wsevents.relay import Relay, Stage
from wsevents.reload import Reload
from wsevents.roster import Roster
from wsevents.server import PeerFactory
from wsevents.settings import Log
from wsevents.signals import hold
from wsevents.source import generic_source
from wsevents.systemd import here
from wsevents.unit import Unit
from wsevents.upstream import Upstream
from wsevents.validity import tell_of_ends
from wsevents.web.publish import PublishResource, Target
from wsevents.web.site import make_site
from wsevents.workers.supervisor import Supervisor
from wsevents.writethrough import unfit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from wsevents.interfaces import IDialect, ISource
    from wsevents.ports import Listening
    from wsevents.settings import Config, Listener, Outbound

    Put = Callable[[Config], Awaitable[None]]

_ANY_PATH = "/any/path/at/all"
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


def makeService(options: Options) -> Logged:
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
        unit, settings = _made(reactor, options["config"])
    except WseventsError as error:
        raise ending(error) from None
    return Logged(unit, settings, options.parent or {}, reactor)


def _made(reactor: Any, file: str | None) -> tuple[Unit, Log]:
    """Return what a configuration asks for, and how it logs; without one, the demonstration."""
    check_open_files()
    plugins = Plugins()
    if file is None:
        return demonstration(reactor, plugins, os.environ), Log()
    return configured(reactor, Path(file), plugins, os.environ)


def configured(reactor: Any, path: Path, plugins: Plugins, environ: Mapping[str, str]) -> tuple[Unit, Log]:
    """Return what a file asks for, which is read again at each SIGHUP. Raises ConfigurationError."""

    def read() -> Config:
        config = load(path, plugins, environ)
        tell_of_ends([listener.endpoint for listener in config.listen], datetime.now(UTC))
        return config

    def again() -> Config:
        config = read()
        Assembly(reactor, config, plugins).gateway()
        return config

    config = read()
    count = processes(config)
    parts = (
        several(reactor, config, plugins, count) if count > 1 else alone(Assembly(reactor, config, plugins))
    )
    station, main, put = parts
    return Unit(reactor, station, main, here(), Reload(config, again, put)), config.log


def alone(
    assembly: Assembly, announce: Callable[[Gateway], None] = lambda _gateway: None
) -> tuple[Station, Gateway, Put]:
    """Return one gateway: with its status listener, itself, and what puts a configuration in force."""
    gateway = assembly.gateway(announce)
    station = Station(assembly.reactor, gateway, Alone(assembly.attendant), assembly.config.status.endpoint)

    async def put(config: Config) -> None:
        for act in station.renewal(), assembly.renewal(config):
            act()

    return station, gateway, put


def several(reactor: Any, config: Config, plugins: Plugins, count: int) -> tuple[Station, Supervisor, Put]:
    """Return the same of so many workers. Raises ConfigurationError."""
    supervisor = supervised(reactor, config, plugins, count)
    station = Station(reactor, supervisor, Several(supervisor.workers), config.status.endpoint)

    async def put(config: Config) -> None:
        act = station.renewal()
        await supervisor.renew(config)
        THRESHOLD.set(config.log.level)
        act()

    return station, supervisor, put


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
            try:
                check_endpoint(listener.endpoint)
            except ValueError as error:
                raise ConfigurationError(f"listen[{number}]: {error}") from None
        Assembly(reactor, config, plugins).gateway()

    check()
    return Supervisor(reactor, config, count, check)


def demonstration(reactor: Any, plugins: Plugins, environ: Mapping[str, str]) -> Unit:
    """Return the embedded default: a document of its own, made-up events, this machine only.

    Raises:
        StartError: its certificate cannot be kept.
    """
    state = state_folder(environ)
    ensure_certificate(state)
    text = files("wsevents.demo").joinpath("config.yml").read_text("utf-8")
    name = "the embedded default"
    config = parse(text.replace("{state}", endpoint_escaped(str(state))), name, plugins, environ)
    config = evolve(config, listen=[one for one in config.listen if _is_here(one.endpoint)])
    assembly = Assembly(reactor, config, plugins)
    station, gateway, _ = alone(assembly, lambda gateway: _announce(gateway, config))
    DemoService(
        assembly.bus,
        config.bus.exchange_name,
        clock=reactor,
        now=time.time,
        entropy=SystemRandom(),
        origin=config.origin_uuid,
    ).setServiceParent(gateway)
    return Unit(reactor, station, gateway, here())


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return where the embedded default keeps its certificate (XDG base directory specification)."""
    if named := environ.get("WSEVENTS_STATE"):
        return Path(named).absolute()
    root = environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(root) / "wsevents"


def endpoint_escaped(text: str) -> str:
    """Return text as it stands for itself in an endpoint string within single quotes of YAML."""
    quoted: str = quoteStringArgument(text)
    return quoted.replace("'", "''")


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


def _announce(gateway: Gateway, config: Config) -> None:
    """Say where the demonstration is to be found, and what opens it."""
    port = gateway.ports[0].getHost().port  # type: ignore[attr-defined]  # it is TCP
    for line in greeting(config, port, time.time()):
        _log.info("{line}", line=line)


class Assembly:
    """The parts of one gateway, put together from a configuration.

    Attributes:
        bus, authenticator: as the configuration names them; a demonstration drives them.
        attendant: knows the gateway, once that is made.

    Raises:
        ConfigurationError: the parts do not go together.
    """

    def __init__(
        self, reactor: Any, config: Config, plugins: Plugins, now: Callable[[], float] = time.time
    ) -> None:
        self.reactor, self.config, self.now = reactor, config, now
        self.bus = plugins.bus(config.bus.type).create(config.bus, reactor)
        authenticator = plugins.authenticator(config.auth.type).create(config.auth, reactor)
        self.authenticator = Lookups(authenticator, called=config.auth.type)
        self._plugins = plugins
        self._renewable = [(self.bus, "bus"), (authenticator, "auth")]
        self._authorities = [self.authenticator]
        self._mounts = [
            self._mount(plugins.dialect(name).create(section, config), section)
            for name, section in config.dialects.items()
        ]
        self._sources = _by_exchange(
            [
                generic_source(config),
                *(source for mount in self._mounts for source in mount.dialect.sources),
            ]
        )

    def gateway(
        self,
        announce: Callable[[Gateway], None] = lambda _gateway: None,
        listening: Listening | None = None,
        watch: Callable[[bool], None] = lambda _up: None,
    ) -> Gateway:
        """Return the gateway with all its services, not yet started; for the arguments see there.

        Called once; `renewal` is about what it has returned.
        """
        config, reactor = self.config, self.reactor
        relay = Relay(self._sources, [Stage(mount.dialect) for mount in self._mounts])
        house = self.house = self._house(relay)
        keeper = self._keeper = Doorkeeper(
            Admission(config.limits),
            house.keepalive,
            config.limits.handshake_seconds,
            PeerFactory(house, reactor),
            make_site(self._publisher(), dialects=list(config.dialects), reactor=reactor),
            house.ledger,
            proxies(config.trusted_proxies),
        )
        listening = self._listening = listening or Casings(reactor)
        entrances = self._entrances = [
            Entrance(
                listener.endpoint, DoorFactory(keeper, self._gate(number, listener)), f"listen[{number}]"
            )
            for number, listener in enumerate(config.listen)
        ]
        gateway = Gateway(
            reactor, entrances, house, keeper, relay, self._authorities, announce, listening.listen, watch
        )
        sources = [source for group in self._sources.values() for source in group]
        self.bus.attach(
            gateway,
            list(dict.fromkeys(source.exchange for source in sources)),
            list(dict.fromkeys(binding for source in sources for binding in source.bindings)),
        )
        pulse = Pulse(reactor)
        self.attendant = Attendant(house, keeper, self._authorities, pulse)
        for service in (pulse, house.expiry, house.keepalive, *self._authorities, self.bus):
            service.setServiceParent(gateway)
        return gateway

    def renewal(self, config: Config) -> Callable[[], None]:
        """Read certificates again; return what puts them and the live keys of a configuration in force.

        Args:
            config: differs from the one before in live keys only: see `wsevents.renewal`.

        Raises:
            ConfigurationError: it cannot be done; nothing has changed.
        """
        admit = self._listening.renewal(self._entrances)
        dialects = [
            self._plugins.dialect(name).create(section, config) for name, section in config.dialects.items()
        ]

        def put() -> None:
            self.config = config
            THRESHOLD.set(config.log.level)
            for mount, dialect in zip(self._mounts, dialects, strict=True):
                mount.dialect = dialect
            self.house.renew(config)
            self._keeper.renew(config.limits)
            admit()
            for part, section in self._renewable:
                if IRenewable.providedBy(part):
                    IRenewable(part).renew(getattr(config, section))

        return put

    def _mount(self, dialect: IDialect, section: Any) -> Mount:
        """Return a dialect with whom it asks: the `auth:` section's authenticator, or one from its own."""
        if not dialect.authority:
            return Mount(dialect, self.authenticator)
        authority = Lookups(
            self._plugins.authority(dialect.authority).create(section, self.reactor), called=dialect.authority
        )
        self._authorities.append(authority)
        return Mount(dialect, authority)

    def _gate(self, number: int, listener: Listener) -> Gate:
        """Return what a listener serves; whoever serves every path there takes what the others leave."""
        mounts = [mount for mount in self._mounts if listener.serves(mount.dialect.name)]
        greedy = [mount.dialect.name for mount in mounts if mount.dialect.serves(_ANY_PATH)]
        if len(greedy) > 1:
            raise ConfigurationError(
                f"listen[{number}]: the dialects {' and '.join(greedy)} both serve every path; "
                "give each a listener of its own, with `dialects:`"
            )
        mounts.sort(key=lambda mount: mount.dialect.serves(_ANY_PATH))
        return Gate(place(listener.endpoint), mounts)

    def _publisher(self) -> PublishResource | None:
        """Return what the page publishes by: only a bus that nobody else uses may be written to."""
        if not self.bus.private:
            return None
        target = Target(self.bus, self.config.bus.exchange_name, self.config.origin_uuid)
        return PublishResource(target, self.authenticator, self.now)

    def _outbound(self) -> Outbound:
        """Return the settings of what is sent, without writing through if that cannot be done."""
        settings = self.config.outbound
        why = unfit(passing(), self.reactor) if settings.write_through else ""
        if not why:
            return settings
        _log.warn("outbound.write_through: cannot be done, events go the slower way: {why}", why=why)
        return evolve(settings, write_through=False)

    def _house(self, relay: Relay) -> House:
        return House(
            relay=relay,
            upstream=Upstream(self.bus),
            roster=Roster(),
            flusher=Flusher(self.reactor, Backlog(self.config.outbound.total_bytes), self.now),
            expiry=Alarms(self.reactor, self.now, longest=1.0),
            keepalive=Alarms(self.reactor, self.reactor.seconds),
            now=self.now,
            limits=self.config.limits,
            outbound=self._outbound(),
            entropy=SystemRandom(),
            drain=self.config.drain,
            ledger=Ledger(os.getpid()),
        )


def _by_exchange(sources: Sequence[ISource]) -> dict[str, list[ISource]]:
    """Return the sources by the exchange that they read. Raises ConfigurationError."""
    groups: dict[str, list[ISource]] = {}
    for source in sources:
        group = groups.setdefault(source.exchange.name, [])
        if group and group[0].exchange != source.exchange:
            raise ConfigurationError(
                f"the sources {group[0].name} and {source.name} both read the exchange "
                f"{source.exchange.name}, but declare it differently; give one of them another"
            )
        group.append(source)
    return groups
