"""Wazo's protocol as a dialect. It serves every path, with the events of the exchange in section `bus:`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen
from zope.interface import implementer

from wsevents.api.effects import ConnectionPolicy
from wsevents.api.interfaces import IDialect
from wsevents.api.package_files import PackageFile
from wsevents.core.wazo_events import NAME as GENERIC
from wsevents.dialects.wazo.interest import WazoProjection, project
from wsevents.dialects.wazo.session import WazoSession

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from wsevents.api.events import Event
    from wsevents.api.interfaces import ISource
    from wsevents.api.requests import Request
    from wsevents.api.settings import Auth, Config, Limits

DEMO_TOKEN = "demo"  # noqa: S105 not a secret: the embedded default listens on loopback only
"""A token from section `auth:` of the embedded default."""

_WRAPPER = b'{"op": "event", "code": 0, "data": ', b"}"


@frozen
class WazoSettings:
    """`dialects.wazo`. It has no keys: the top-level sections have the settings of this dialect."""


@implementer(IDialect)
@frozen
class WazoDialect:
    """Versions 1 and 2 of Wazo's protocol."""

    settings: ClassVar[type] = WazoSettings
    name: ClassVar[str] = "wazo"
    default: ClassVar[bool] = True
    page: ClassVar[PackageFile | None] = PackageFile(__package__, "page.js")
    demo: ClassVar[PackageFile | None] = PackageFile(__package__, "demo.yml")
    authority: ClassVar[str] = ""
    sources: ClassVar[tuple[ISource, ...]] = ()

    policy: ConnectionPolicy
    auth: Auth
    limits: Limits

    @classmethod
    def create(cls, settings: Any, config: Config) -> WazoDialect:  # noqa: ARG003 it has no keys
        """Return the dialect, configured by the sections `websocket`, `auth` and `limits`."""
        websocket = config.websocket
        policy = ConnectionPolicy(
            ping_interval=websocket.ping_interval,
            pong_deadline=websocket.ping_timeout,
            message_max=config.limits.message_bytes,
            deflate=websocket.compression,
            origins=tuple(websocket.allowed_origins),
            origins_key="websocket.allowed_origins",
        )
        return cls(policy, config.auth, config.limits)

    @classmethod
    def greeting(cls, settings: Any, base_url: str, now: float) -> list[str]:  # noqa: ARG003 no settings
        """Return one line: the URL at which the embedded default serves this dialect, with a token."""
        return [f"Clients connect to {base_url}/?token={DEMO_TOKEN}"]

    def serves(self, path: str) -> bool:
        return True

    def session(self, request: Request, entropy: Random) -> WazoSession:
        return WazoSession(request, self.auth, self.limits)

    def project(self, event: Event) -> WazoProjection | None:
        """Return the projection of a generic event; None for an event of any other source."""
        return project(event) if event.source == GENERIC else None

    def encode(self, projection: WazoProjection, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the body as published (v1), or wrapped without serialising it again (v2).

        None: the body is not a JSON object.
        """
        body = projection.event.body
        if body.json is None:
            return None
        return body.raw if shape == "v1" else body.raw.join(_WRAPPER)
