"""iSymphony's Event API as a dialect: some paths, and the events of the `bus:` section's source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.interfaces import IDialect
from wsevents.api.networks import allowance
from wsevents.api.package_files import PackageFile
from wsevents.core.wazo_events import NAME as GENERIC
from wsevents.dialects.isymphony.greeting import greeting
from wsevents.dialects.isymphony.interest import project
from wsevents.dialects.isymphony.mapping import vocabulary
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
    from wsevents.dialects.isymphony.mapping import Vocabulary


@implementer(IDialect)
@frozen(eq=False)
class IsymphonyDialect:
    """The Event API of iSymphony 3.2 and later."""

    settings: ClassVar[type] = IsymphonySettings
    name: ClassVar[str] = "isymphony"
    default: ClassVar[bool] = False
    page: ClassVar[PackageFile | None] = PackageFile(__package__, "page.js")
    demo: ClassVar[PackageFile | None] = PackageFile(__package__, "demo.yml")
    authority: ClassVar[str] = "isymphony"
    sources: ClassVar[tuple[ISource, ...]] = ()

    wire: ConnectionPolicy
    paths: frozenset[str]
    allowance: Networks
    vocabulary: Vocabulary

    @classmethod
    def create(cls, settings: Any, config: Config) -> IsymphonyDialect:
        """Return the dialect, as its section and the sections `websocket` and `limits` have it."""
        websocket = config.websocket
        wire = ConnectionPolicy(
            ping_interval=websocket.ping_interval,
            pong_deadline=websocket.ping_timeout,
            message_max=config.limits.message_bytes,
            deflate=websocket.compression,
            origins=tuple(settings.allowed_origins),
            own_pages=True,
            origins_key="dialects.isymphony.allowed_origins",
        )
        paths = frozenset(settings.paths)
        return cls(wire, paths, allowance(settings.allow), vocabulary(settings))

    @classmethod
    def greeting(cls, settings: Any, base_url: str, now: float) -> list[str]:  # noqa: ARG003 nothing expires
        """Return where the embedded default serves it, and with which credentials."""
        return greeting(settings, base_url)

    def serves(self, path: str) -> bool:
        """The configured paths."""
        return path in self.paths

    def session(self, request: Request, entropy: Random) -> IsymphonySession:
        """Begin a conversation."""
        return IsymphonySession(request, self.allowance)

    def project(self, event: Event) -> IsymphonyProjection | None:
        """Take generic events, in iSymphony's words."""
        report = self.vocabulary.tell(event) if event.source == GENERIC else None
        return None if report is None else project(report)

    def encode(self, projection: IsymphonyProjection, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the event as JSON."""
        properties = projection.report.properties
        return None if properties is None else encoded(properties).encode("ascii")
