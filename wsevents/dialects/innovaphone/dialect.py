"""innovaphone's protocol as a dialect. It serves the paths of its apps, with generic events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.interfaces import IDialect
from wsevents.api.package_files import PackageFile
from wsevents.core.wazo_events import NAME as GENERIC
from wsevents.dialects.innovaphone.greeting import greeting
from wsevents.dialects.innovaphone.interest import Projection
from wsevents.dialects.innovaphone.session import InnovaphoneSession
from wsevents.dialects.innovaphone.settings import InnovaphoneSettings

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from wsevents.api.events import Event
    from wsevents.api.interfaces import ISource
    from wsevents.api.requests import Request
    from wsevents.api.settings import Config, Limits

FRAME_MAX = 16384
"""Bytes of a frame, at most: clients with the vendor's C++ library reject longer frames."""


@implementer(IDialect)
@frozen
class InnovaphoneDialect:
    """The server side of AppWebsocket.

    Attributes:
        policy: the settings of the WebSocket connection.
        own: the section `dialects.innovaphone`.
        limits: the section `limits`.
    """

    settings: ClassVar[type] = InnovaphoneSettings
    name: ClassVar[str] = "innovaphone"
    default: ClassVar[bool] = False
    page: ClassVar[PackageFile | None] = PackageFile(__package__, "page.js")
    demo: ClassVar[PackageFile | None] = PackageFile(__package__, "demo.yml")
    authority: ClassVar[str] = ""  # a session verifies the digest itself, so it needs no authority
    sources: ClassVar[tuple[ISource, ...]] = ()

    policy: ConnectionPolicy
    own: InnovaphoneSettings
    limits: Limits

    @classmethod
    def create(cls, settings: Any, config: Config) -> InnovaphoneDialect:
        """Return the dialect, configured by its section and by `limits`."""
        policy = ConnectionPolicy(
            ping_interval=settings.ping_interval,
            pong_deadline=0,  # the vendor's PHP client never answers a ping
            idle=settings.idle,
            frame_max=FRAME_MAX,
            message_max=config.limits.message_bytes,
            origins=tuple(settings.allowed_origins),
            origins_key="dialects.innovaphone.allowed_origins",
        )
        return cls(policy, settings, config.limits)

    @classmethod
    def greeting(cls, settings: Any, base_url: str, now: float) -> list[str]:  # noqa: ARG003 nothing expires
        """Return the lines of `greeting`."""
        return greeting(settings, base_url)

    def serves(self, path: str) -> bool:
        return any(app.path == path for app in self.own.apps.values())

    def session(self, request: Request, entropy: Random) -> InnovaphoneSession:
        """Return a session in which one of the apps of this path can log in."""
        apps = {name: app for name, app in self.own.apps.items() if app.path == request.path}
        return InnovaphoneSession(apps, self.own.login_seconds, self.limits, entropy)

    def project(self, event: Event) -> Projection | None:
        """Return the projection of a generic event; None for an event of any other source."""
        return Projection(event, self.own.data) if event.source == GENERIC else None

    def encode(self, projection: Projection, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the Event message for subscriptions with this `src`; None: the body is no JSON object."""
        return projection.encode(shape)  # type: ignore[arg-type]  # the shape of an interest is its src
