"""VoIPBIN's protocol as a dialect. It adds a source: the exchange of VoIPBIN's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.events import Exchange
from wsevents.api.interfaces import IDialect
from wsevents.api.package_files import PackageFile
from wsevents.core.wazo_events import NAME as GENERIC
from wsevents.dialects.voipbin.frame import payload
from wsevents.dialects.voipbin.greeting import greeting
from wsevents.dialects.voipbin.projection import project_generic, project_own
from wsevents.dialects.voipbin.session import VoipbinSession
from wsevents.dialects.voipbin.settings import VoipbinSettings
from wsevents.dialects.voipbin.source import NAME, VoipbinSource

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from wsevents.api.events import Event
    from wsevents.api.interfaces import ISource
    from wsevents.api.requests import Request
    from wsevents.api.settings import Config, Limits
    from wsevents.dialects.voipbin.projection import VoipbinProjection


@implementer(IDialect)
@frozen
class VoipbinDialect:
    """VoIPBIN's current protocol and that of its tutorial.

    Attributes:
        section: the section `dialects.voipbin`.
        policy: the settings of the WebSocket connection.
        sources: the source of VoIPBIN's own events, if it is configured.
        limits: the section `limits`.
    """

    settings: ClassVar[type] = VoipbinSettings
    name: ClassVar[str] = "voipbin"
    default: ClassVar[bool] = False
    page: ClassVar[PackageFile | None] = PackageFile(__package__, "page.js")
    demo: ClassVar[PackageFile | None] = PackageFile(__package__, "demo.yml")
    authority: ClassVar[str] = "voipbin"

    section: VoipbinSettings
    policy: ConnectionPolicy
    sources: tuple[ISource, ...]
    limits: Limits

    @classmethod
    def create(cls, settings: Any, config: Config) -> VoipbinDialect:
        """Return the dialect, configured by its section, `limits` and `websocket`."""
        policy = ConnectionPolicy(
            ping_interval=settings.ping_interval,
            pong_deadline=settings.pong_timeout,
            message_max=config.limits.message_bytes,
            deflate=config.websocket.compression,
            origins=tuple(settings.allowed_origins),
            origins_key="dialects.voipbin.allowed_origins",
        )
        source = settings.source
        sources = () if source is None else (VoipbinSource(Exchange(source.exchange, "topic")),)
        return cls(settings, policy, sources, config.limits)

    @classmethod
    def greeting(cls, settings: Any, base_url: str, now: float) -> list[str]:
        """Return the lines of `greeting`."""
        return greeting(settings, base_url, now)

    def serves(self, path: str) -> bool:
        return path in self.section.paths

    def session(self, request: Request, entropy: Random) -> VoipbinSession:
        return VoipbinSession(request, self.section, self.limits, entropy.getrandbits(128))

    def project(self, event: Event) -> VoipbinProjection | None:
        """Return the projection of an event from VoIPBIN or of a generic event; None for any other event."""
        if event.source == NAME:
            return project_own(event)
        generic = self.section.generic
        return project_generic(event, generic) if generic is not None and event.source == GENERIC else None

    def encode(self, projection: VoipbinProjection, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the frame in a shape; `variant` is the topic that matched, or True."""
        return payload(projection, str(shape), variant)
