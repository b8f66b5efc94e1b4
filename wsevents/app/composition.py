"""Builds one gateway from a configuration: creates its parts and connects them."""

from __future__ import annotations

import os
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from attrs import evolve
from twisted.logger import Logger

from wsevents.admin.introspection import Introspection
from wsevents.admin.stall_detector import StallDetector
from wsevents.api.errors import ConfigurationError
from wsevents.api.interfaces import IReloadable
from wsevents.app.gateway import Gateway
from wsevents.auth.lookup_cache import LookupCache
from wsevents.config.plugins import read_file
from wsevents.connections.gateway_state import GatewayState, ListenerDialects, ServedDialect
from wsevents.connections.handshake import HandshakeFactory, HandshakePolicy
from wsevents.connections.listeners import OpenListener, ReloadableListeners, without_files
from wsevents.connections.registry import Registry
from wsevents.connections.timers import Timers
from wsevents.connections.websocket import PeerFactory
from wsevents.core.admission import Admission
from wsevents.core.forwarded import proxies
from wsevents.core.send_budget import SendBudget
from wsevents.core.session_log import SessionLog
from wsevents.core.wazo_events import generic_source
from wsevents.delivery.bindings import Bindings
from wsevents.delivery.relay import DialectIndex, Relay
from wsevents.delivery.send_queue import Flusher
from wsevents.delivery.writers import write_through_problem
from wsevents.endpoints.self_signed import temporary_tls_options
from wsevents.logs.level import LEVEL
from wsevents.web.publish import PublishResource, Target
from wsevents.web.site import make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wsevents.api.interfaces import IDialect, ISource
    from wsevents.api.settings import Config, ListenEntry, OutboundSettings
    from wsevents.config.plugins import Plugins
    from wsevents.connections.listeners import Listeners


_ANY_PATH = "/any/path/at/all"
_log = Logger()


class Composition:
    """The parts of one gateway, built from a configuration.

    Attributes:
        bus, authenticator: of the `bus` and `auth` sections; the demo drives this bus.
        introspection: reports on the gateway; set by `gateway`.

    Raises:
        ConfigurationError: the parts do not fit together.
    """

    def __init__(
        self, reactor: Any, config: Config, plugins: Plugins, now: Callable[[], float] = time.time
    ) -> None:
        self.reactor, self.config, self.now = reactor, config, now
        self.bus = plugins.bus(config.bus.type).create(config.bus, reactor)
        authenticator = plugins.authenticator(config.auth.type).create(config.auth, reactor)
        self.authenticator = LookupCache(authenticator, label=config.auth.type)
        self._plugins = plugins
        self._reloadable = [(self.bus, "bus"), (authenticator, "auth")]
        self._authorities = [self.authenticator]
        self._served = [
            self._serve(plugins.dialect(name).create(section, config), section)
            for name, section in config.dialects.items()
        ]
        self._sources = _by_exchange(
            [
                generic_source(config),
                *(source for served in self._served for source in served.dialect.sources),
            ]
        )

    def gateway(
        self,
        announce: Callable[[Gateway], None] = lambda _gateway: None,
        listening: Listeners | None = None,
        watch: Callable[[bool], None] = lambda _up: None,
    ) -> Gateway:
        """Return the gateway with all its services, not yet started. Call it once, and before `prepare`.

        Args:
            announce: see `Gateway`.
            listening: how the gateway listens; None: it opens its own ports.
            watch: see `Gateway`.
        """
        config, reactor = self.config, self.reactor
        relay = Relay(self._sources, [DialectIndex(served.dialect) for served in self._served])
        gateway_state = self.gateway_state = self._gateway_state(relay)
        policy = self._policy = self._handshake_policy(gateway_state)
        listening = self._listening = listening or ReloadableListeners(reactor)
        listeners = self._listeners = [
            OpenListener(
                listener.endpoint,
                HandshakeFactory(policy, self._dialects_of(number, listener)),
                f"listen[{number}]",
            )
            for number, listener in enumerate(config.listen)
        ]
        gateway = Gateway(
            reactor,
            listeners,
            gateway_state,
            policy,
            relay,
            self._authorities,
            announce,
            listening.listen,
            watch,
        )
        sources = [source for group in self._sources.values() for source in group]
        self.bus.attach(
            gateway,
            list(dict.fromkeys(source.exchange for source in sources)),
            list(dict.fromkeys(binding for source in sources for binding in source.bindings)),
        )
        stall_detector = StallDetector(reactor)
        self.introspection = Introspection(gateway_state, policy, self._authorities, stall_detector)
        for service in (
            stall_detector,
            gateway_state.expiry,
            gateway_state.keepalive,
            *self._authorities,
            self.bus,
        ):
            service.setServiceParent(gateway)
        return gateway

    def prepare(self, config: Config) -> Callable[[], None]:
        """Prepare a reload: read the certificates again, and create the dialects.

        Args:
            config: differs from the current configuration in live keys only; see `wsevents.app.config_diff`.

        Returns:
            A function that applies the certificates and the configuration.

        Raises:
            ConfigurationError: the configuration is unusable; nothing has changed.
        """
        commit_certificates = self._listening.prepare(self._listeners)
        dialects = [
            self._plugins.dialect(name).create(section, config) for name, section in config.dialects.items()
        ]

        def commit() -> None:
            self.config = config
            LEVEL.set(config.log.level)
            for served, dialect in zip(self._served, dialects, strict=True):
                served.dialect = dialect
            self.gateway_state.reconfigure(config)
            self._policy.reconfigure(config.limits)
            commit_certificates()
            for part, section in self._reloadable:
                if IReloadable.providedBy(part):
                    IReloadable(part).reconfigure(getattr(config, section))

        return commit

    def _serve(self, dialect: IDialect, section: Any) -> ServedDialect:
        """Return a dialect with its authority: the dialect's own, or else the authenticator of `auth`."""
        if not dialect.authority:
            return ServedDialect(dialect, self.authenticator)
        authority = LookupCache(
            self._plugins.authority(dialect.authority).create(section, self.reactor), label=dialect.authority
        )
        self._authorities.append(authority)
        return ServedDialect(dialect, authority)

    def _dialects_of(self, number: int, listener: ListenEntry) -> ListenerDialects:
        """Return the dialects of a listener, with the dialect that serves every path last."""
        served = [served for served in self._served if listener.serves(served.dialect.name)]
        any_path = [served.dialect.name for served in served if served.dialect.serves(_ANY_PATH)]
        if len(any_path) > 1:
            raise ConfigurationError(
                f"listen[{number}]: the dialects {' and '.join(any_path)} both serve every path; "
                "give each its own listener, with `dialects:`"
            )
        served.sort(key=lambda served: served.dialect.serves(_ANY_PATH))
        return ListenerDialects(without_files(listener.endpoint), served)

    def _handshake_policy(self, gateway_state: GatewayState) -> HandshakePolicy:
        config = self.config
        return HandshakePolicy(
            Admission(config.limits),
            gateway_state.keepalive,
            config.limits.handshake_seconds,
            PeerFactory(gateway_state, self.reactor),
            make_site(self._publisher(), scripts=self._scripts(), reactor=self.reactor),
            gateway_state.session_log,
            proxies(config.trusted_proxies),
        )

    def _scripts(self) -> list[str]:
        """Return the scripts of the dialects for the page; the page proposes the first one."""
        dialects = sorted(
            (served.dialect for served in self._served), key=lambda dialect: not dialect.default
        )
        return [read_file(dialect.page) for dialect in dialects if dialect.page is not None]

    def _publisher(self) -> PublishResource | None:
        """Return the resource by which the page publishes, or None unless the bus is in-memory."""
        if not self.bus.private:
            return None
        target = Target(self.bus, self.config.bus.exchange_name, self.config.origin_uuid)
        return PublishResource(target, self.authenticator, self.now)

    def _outbound(self) -> OutboundSettings:
        """Return the `outbound` section, without write-through if this process does not support it."""
        settings = self.config.outbound
        reason = (
            write_through_problem(temporary_tls_options(), self.reactor) if settings.write_through else ""
        )
        if not reason:
            return settings
        _log.warn("outbound.write_through has no effect: {why}; events cost more CPU", why=reason)
        return evolve(settings, write_through=False)

    def _gateway_state(self, relay: Relay) -> GatewayState:
        return GatewayState(
            relay=relay,
            bindings=Bindings(self.bus),
            registry=Registry(),
            flusher=Flusher(self.reactor, SendBudget(self.config.outbound.total_bytes), self.now),
            expiry=Timers(self.reactor, self.now, max_wait=1.0),
            keepalive=Timers(self.reactor, self.reactor.seconds),
            now=self.now,
            limits=self.config.limits,
            outbound=self._outbound(),
            entropy=SystemRandom(),
            drain=self.config.drain,
            session_log=SessionLog(os.getpid()),
        )


def _by_exchange(sources: Sequence[ISource]) -> dict[str, list[ISource]]:
    """Return the sources grouped by exchange. Raises ConfigurationError."""
    groups: dict[str, list[ISource]] = {}
    for source in sources:
        group = groups.setdefault(source.exchange.name, [])
        if group and group[0].exchange != source.exchange:
            raise ConfigurationError(
                f"the sources {group[0].name} and {source.name} both read the exchange "
                f"{source.exchange.name}, but declare it differently; use another exchange for one of them"
            )
        group.append(source)
    return groups
