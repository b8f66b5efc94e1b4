"""The section `dialects.innovaphone` of the configuration."""

from __future__ import annotations

from typing import Any

from attrs import NOTHING, frozen

from wsevents.api.settings import DAY, filled, key, off_or, origins, within

PATH = "/PBX0/APPS/websocket"
"""Where a PBX has its own."""


def _path(_: object, __: Any, value: str) -> None:
    """Attrs validator: the path of a URL, percent-decoded."""
    if not value.startswith("/") or "?" in value or "#" in value:
        raise ValueError(f"must be a path such as {PATH}")


def _password(_: object, __: Any, value: str) -> None:
    """Attrs validator: a text that UTF-8 can hold, and not a blank one."""
    filled(None, None, value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold") from None


def _apps(_: object, __: Any, apps: dict[str, InnovaphoneApp]) -> None:
    """Attrs validator: somebody can log in, and each by a name."""
    if not apps:
        raise ValueError("must have at least one app, or nobody can log in")
    if not all(name.strip() for name in apps):
        raise ValueError("has an app whose name is blank")


@frozen(kw_only=True)
class InnovaphoneApp:
    """`dialects.innovaphone.apps.<name>`: who logs in under this name, and what it may see."""

    path: str = key(PATH, "Path of the URL that it connects to.", check=_path)
    password: str = key(NOTHING, "Password of the app.", secret=True, check=_password)
    tenant_uuid: str | None = key(
        None, "Uuid of the tenant whose events it sees; null: of all.", check=filled
    )
    acl: list[str] = key([], "ACL patterns: which of these events, by their required_acl.")


@frozen(kw_only=True)
class InnovaphoneSettings:
    """`dialects.innovaphone`."""

    apps: dict[str, InnovaphoneApp] = key(NOTHING, "The apps, by the name they log in with.", check=_apps)
    login_seconds: float = key(10.0, "Seconds that a peer may take to log in.", check=within(1, DAY))
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" stands for any run of characters.', check=origins
    )
    data: str | None = key(
        "data",
        "Key of an event's body that apps get as `data`; null, or where it is missing: the whole body.",
    )
    ping_interval: float = key(
        60.0,
        "Seconds between two pings; none has to be answered. 0: none, for programs that stumble over them.",
        check=off_or(1, DAY),
    )
    idle: float = key(
        0.0, "Seconds after which a peer that sends nothing at all is closed; 0: never.", check=off_or(1, DAY)
    )
