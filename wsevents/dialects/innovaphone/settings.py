"""The section `dialects.innovaphone` of the configuration."""

from __future__ import annotations

from typing import Any

from attrs import NOTHING, frozen

from wsevents.api.settings import DAY, filled, key, off_or, origins, within

PATH = "/PBX0/APPS/websocket"
"""The path that a PBX uses for its own AppWebsocket."""


def _path(_: object, __: Any, value: str) -> None:
    """Attrs validator: the value is the path of a URL, percent-decoded."""
    if not value.startswith("/") or "?" in value or "#" in value:
        raise ValueError(f"must be a path such as {PATH}")


def _password(_: object, __: Any, value: str) -> None:
    """Attrs validator: the text is not blank and can be encoded as UTF-8."""
    filled(None, None, value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("must be text that can be encoded as UTF-8") from None


def _apps(_: object, __: Any, apps: dict[str, InnovaphoneApp]) -> None:
    """Attrs validator: there is at least one app, and every app has a name."""
    if not apps:
        raise ValueError("must have at least one app")
    if not all(name.strip() for name in apps):
        raise ValueError("has an app whose name is blank")


@frozen(kw_only=True)
class InnovaphoneApp:
    """`dialects.innovaphone.apps.<name>`: the credentials of an app, and the events that it may see."""

    path: str = key(PATH, "Path of the URL that the app connects to.", check=_path)
    password: str = key(NOTHING, "Password of the app.", secret=True, check=_password)
    tenant_uuid: str | None = key(
        None, "Uuid of the tenant whose events the app sees; null: all tenants.", check=filled
    )
    acl: list[str] = key([], "ACL patterns: the app sees the events whose required_acl they grant.")


@frozen(kw_only=True)
class InnovaphoneSettings:
    """`dialects.innovaphone`."""

    apps: dict[str, InnovaphoneApp] = key(NOTHING, "The apps, by the names they log in with.", check=_apps)
    login_seconds: float = key(10.0, "Seconds within which a client must log in.", check=within(1, DAY))
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" matches any sequence of characters.', check=origins
    )
    data: str | None = key(
        "data",
        "Key of the event body whose value apps get as `data`; null, or if it is missing: the whole body.",
    )
    ping_interval: float = key(
        60.0,
        "Seconds between two pings; clients need not answer. 0: none, for clients that cannot handle them.",
        check=off_or(1, DAY),
    )
    idle: float = key(
        0.0,
        "Seconds without any data from a client before the gateway closes its session; 0: no limit.",
        check=off_or(1, DAY),
    )
