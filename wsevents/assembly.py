"""One gateway, put together from a configuration: here the parts meet that know nothing of each other."""

from __future__ import annotations

import os
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.logger import Logger

from wsevents.alarms import Alarms
from wsevents.authenticators.lookups import Lookups
from wsevents.backlog import Backlog
from wsevents.certificate import passing
from wsevents.entrance.admission import Admission
from wsevents.entrance.door import DoorFactory, Doorkeeper
from wsevents.entrance.forwarded import proxies
from wsevents.entrance.ports import Casings, Entrance, place
from wsevents.errors import ConfigurationError
from wsevents.gateway import Gateway
from wsevents.house import Gate, House, Mount
from wsevents.interfaces import IRenewable
from wsevents.ledger import Ledger
from wsevents.log.threshold import THRESHOLD
from wsevents.operations.attendant import Attendant
from wsevents.operations.pulse import Pulse
from wsevents.outbound import Flusher
from wsevents.plugins import read_file
from wsevents.relay import Relay, Stage
from wsevents.roster import Roster
from wsevents.server import PeerFactory
from wsevents.source import generic_source
from wsevents.upstream import Upstream
from wsevents.web.publish import PublishResource, Target
from wsevents.web.site import make_site
from wsevents.writethrough import unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsevents.entrance.ports import Listening
    from wsevents.interfaces import IDialect, ISource
    from wsevents.plugins import Plugins
    from wsevents.settings import Config, Listener, Outbound


_ANY_PATH = "/any/path/at/all"
_log = Logger()


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
        keeper = self._keeper = self._doorkeeper(house)
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
            config: differs from the one before in live keys only: see `wsevents.lifecycle.renewal`.

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

    def _doorkeeper(self, house: House) -> Doorkeeper:
        config = self.config
        return Doorkeeper(
            Admission(config.limits),
            house.keepalive,
            config.limits.handshake_seconds,
            PeerFactory(house, self.reactor),
            make_site(self._publisher(), scripts=self._scripts(), reactor=self.reactor),
            house.ledger,
            proxies(config.trusted_proxies),
        )

    def _scripts(self) -> list[str]:
        """Return the scripts of the dialects for the page, which proposes the first protocol."""
        dialects = sorted((mount.dialect for mount in self._mounts), key=lambda dialect: not dialect.default)
        return [read_file(dialect.page) for dialect in dialects if dialect.page is not None]

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
