"""The composition root: what `twistd wsevents` runs. The one module that knows all the others."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from twisted.python import usage

from wsevents.admission import Admission
from wsevents.alarms import Alarms
from wsevents.authenticators.lookups import Lookups
from wsevents.config import load
from wsevents.door import DoorFactory, Doorkeeper
from wsevents.errors import WseventsError
from wsevents.gateway import Gateway
from wsevents.outbound import Flusher
from wsevents.plugins import Plugins
from wsevents.relay import Relay, Stage
from wsevents.roster import Roster
from wsevents.server import House, Mount, PeerFactory
from wsevents.source import generic_source
from wsevents.upstream import Upstream
from wsevents.web.site import make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsevents.interfaces import IDialect
    from wsevents.settings import Config


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


def makeService(options: Options) -> Gateway:
    """Return the gateway that the options ask for.

    Raises:
        SystemExit: the configuration cannot be used; its text says why, a line a problem.
    """
    from twisted.internet import reactor  # noqa: PLC0415 importing it installs it

    try:
        plugins = Plugins()
        if options["config"] is None:
            from wsevents.demo import make_demo  # noqa: PLC0415 only then

            return make_demo(reactor, plugins)
        config = load(Path(options["config"]), plugins, os.environ)
        return Assembly(reactor, config, plugins).gateway()
    except WseventsError as error:
        raise SystemExit(f"wsevents: {error}") from None


class Assembly:
    """The parts of one gateway, put together from a configuration.

    Attributes:
        bus, authenticator: as the configuration names them; a demonstration drives them.
    """

    def __init__(
        self, reactor: Any, config: Config, plugins: Plugins, now: Callable[[], float] = time.time
    ) -> None:
        self.reactor, self.config, self.now = reactor, config, now
        self.bus = plugins.bus(config.bus.type).create(config.bus, reactor)
        self.authenticator = Lookups(plugins.authenticator(config.auth.type).create(config.auth, reactor))
        self.dialects: Sequence[IDialect] = sorted(
            (plugins.dialect(name).create(section, config) for name, section in config.dialects.items()),
            # Whoever serves every path takes what the others leave.
            key=lambda dialect: dialect.serves("/"),
        )

    def gateway(self, announce: Callable[[Gateway], None] = lambda _gateway: None) -> Gateway:
        """Return the gateway with all its services, not yet started."""
        config, reactor = self.config, self.reactor
        sources = [
            generic_source(config),
            *(source for dialect in self.dialects for source in dialect.sources),
        ]
        relay = Relay(
            {source.exchange.name: source for source in sources},
            [Stage(dialect) for dialect in self.dialects],
        )
        house = self._house(relay)
        site = make_site(None)
        keeper = Doorkeeper(
            Admission(config.limits),
            house.keepalive,
            config.limits.handshake_seconds,
            PeerFactory(house, reactor),
            site,
        )
        gateway = Gateway(
            reactor, config.listen, DoorFactory(keeper), house, relay, self.authenticator, announce
        )
        self.bus.attach(
            gateway,
            [source.exchange for source in sources],
            [binding for source in sources for binding in source.bindings],
        )
        for service in (house.expiry, house.keepalive, self.authenticator, self.bus):
            service.setServiceParent(gateway)
        return gateway

    def _house(self, relay: Relay) -> House:
        return House(
            mounts=[Mount(dialect, self.authenticator) for dialect in self.dialects],
            relay=relay,
            upstream=Upstream(self.bus),
            roster=Roster(),
            flusher=Flusher(self.reactor),
            expiry=Alarms(self.reactor, self.now, longest=1.0),
            keepalive=Alarms(self.reactor, self.reactor.seconds),
            now=self.now,
            limits=self.config.limits,
            outbound=self.config.outbound,
            entropy=SystemRandom(),
        )
