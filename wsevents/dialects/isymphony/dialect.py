"""iSymphony's Event API as a dialect. It serves the configured paths, with generic events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.interfaces import IDialect
from wsevents.api.networks import parse_networks
from wsevents.api.package_files import PackageFile
from wsevents.core.wazo_events import NAME as GENERIC
from wsevents.dialects.isymphony.greeting import greeting
from wsevents.dialects.isymphony.interest import project
from wsevents.dialects.isymphony.mapping import make_mapping
from wsevents.dialects.isymphony.session import IsymphonySession, encoded
from wsevents.dialects.isymphony.settings import IsymphonySettings

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from wsevents.api.events import Event
    from wsevents.api.interfaces import ISource
    from wsevents.api.networks import Networks
    from wsevents.api.requests import Request
    from wsevents.api.settings import Config
    from wsevents.dialects.isymphony.interest import IsymphonyProjection
    from wsevents.dialects.isymphony.mapping import EventMapping


@implementer(IDialect)
@frozen(eq=False)
class IsymphonyDialect:
    """The Event API of iSymphony 3.2 and later.

    Attributes:
        policy: the settings of the WebSocket connection.
        paths: the paths that the dialect serves.
        networks: the networks from which clients may connect.
        mapping: the rules from event names to iSymphony's types.
    """

    settings: ClassVar[type] = IsymphonySettings
    name: ClassVar[str] = "isymphony"
    default: ClassVar[bool] = False
    page: ClassVar[PackageFile | None] = PackageFile(__package__, "page.js")
    demo: ClassVar[PackageFile | None] = PackageFile(__package__, "demo.yml")
    authority: ClassVar[str] = "isymphony"
    sources: ClassVar[tuple[ISource, ...]] = ()

    policy: ConnectionPolicy
    paths: frozenset[str]
    networks: Networks
    mapping: EventMapping

    @classmethod
    def create(cls, settings: Any, config: Config) -> IsymphonyDialect:
        """Return the dialect, configured by its section, `websocket` and `limits`."""
        websocket = config.websocket
        policy = ConnectionPolicy(
            ping_interval=websocket.ping_interval,
            pong_deadline=websocket.ping_timeout,
            message_max=config.limits.message_bytes,
            deflate=websocket.compression,
            origins=tuple(settings.allowed_origins),
            own_pages=True,
            origins_key="dialects.isymphony.allowed_origins",
        )
        paths = frozenset(settings.paths)
        return cls(policy, paths, parse_networks(settings.allow), make_mapping(settings))

    @classmethod
    def greeting(cls, settings: Any, base_url: str, now: float) -> list[str]:  # noqa: ARG003 nothing expires
        """Return the lines of `greeting`."""
        return greeting(settings, base_url)

    def serves(self, path: str) -> bool:
        return path in self.paths

    def session(self, request: Request, entropy: Random) -> IsymphonySession:
        return IsymphonySession(request, self.networks)

    def project(self, event: Event) -> IsymphonyProjection | None:
        """Return the projection of a generic event; None: the source is another one, or a rule drops it."""
        mapped = self.mapping.map(event) if event.source == GENERIC else None
        return None if mapped is None else project(mapped)

    def encode(self, projection: IsymphonyProjection, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the event as JSON; None: the body of the event is not a JSON object."""
        properties = projection.mapped.properties
        return None if properties is None else encoded(properties).encode("ascii")
