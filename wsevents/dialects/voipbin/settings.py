"""`dialects: {voipbin: …}`: the section of the configuration."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 config.py asks for the types of the keys
from typing import Any
from urllib.parse import urlsplit

from attrs import NOTHING, Factory, field, frozen

from wsevents.api.settings import DAY, filled, key, off_or, one_of, origins, positive, short_text, within
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.moment import moment

PATHS = ["/v1.0/ws", "/v1.0/service_agents/ws"]
EXCHANGE = "bin-manager.webhook-manager.event.topic"
SHAPES = ("superset", "seed", "wrapped", "bare")
MAPPED = {
    "call_answered": "call_progressing",
    "call_ended": "call_hangup",
    "agent_status_update": "agent_status_updated",
}
"""Generic event -> VoIPBIN's type, where the two call the same thing differently."""
FILLED = {"id": ["id", "uuid", "call_id"]}
"""Property of a VoIPBIN resource -> those of a generic event that it may come from."""


def _paths(_: object, __: Any, paths: list[str]) -> None:
    if not paths:
        raise ValueError("must name at least one path")
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"has {path!r}, which does not begin with a slash")


def _uuid(_: object, __: Any, value: str) -> None:
    if canonical(value) is None:
        raise ValueError("must be a uuid, and not the nil one")


def _uuids(_: object, __: Any, values: dict[str, Any]) -> None:
    if not all(canonical(value) for value in values):
        raise ValueError("must have uuids of customers as its keys")


def _not_blank(_: object, __: Any, keys: dict[str, Any]) -> None:
    if not all(text.strip() for text in keys):
        raise ValueError("has an access key that is blank")
    if any("." in text for text in keys):
        raise ValueError("has an access key with a dot, so that it would be taken for a JWT")


def _moment(_: object, __: Any, value: Any) -> None:
    if value is not None and moment(value) is None:
        raise ValueError("must be a time in ISO 8601 or in seconds since the epoch")


def _types(_: object, __: Any, names: dict[str, str]) -> None:
    for name in names.values():
        if "_" not in name:
            raise ValueError(f"has the type {name!r}; a type of VoIPBIN has an underscore, as call_created")


def _url(_: object, __: Any, value: str) -> None:
    try:
        parts = urlsplit(value)
        fit = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        fit = False
    if not fit or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be a URL such as https://keys.example.org/accesskeys, without query and user")


@frozen(kw_only=True)
class AccessKey:
    """`access_keys.<key>`: whose it is. It is worth what an administrator of the customer is."""

    customer_id: str = key(NOTHING, "Uuid of its customer.", check=_uuid)
    expires_at: str | datetime | date | float | None = key(
        None,
        "When it ends: ISO 8601 (UTC unless it says otherwise) or seconds since the epoch.",
        check=_moment,
    )
    acl: list[str] | None = key(None, "ACL patterns for generic events; null: those of `acl.access_key`.")


@frozen(kw_only=True)
class Lookup:
    """`lookup:`, where access keys are looked up that the configuration does not list."""

    url: str = key(NOTHING, 'Asked with POST and {"accesskey": KEY} in its body.', check=_url)
    verify_certificate: bool | str = key(
        True,
        "How its certificate is verified: true (the system's CA certificates), a PEM file of CA "
        "certificates, or false (not at all).",
    )
    timeout: float = key(10.0, "Seconds that a look-up may take in all.", check=within(1, 3600))
    concurrent_lookups: int = key(32, "Look-ups at the same time.", check=positive)
    waiting_lookups: int = key(10000, "Look-ups that wait for their turn.", check=positive)


@frozen(kw_only=True)
class FrozenAccount:
    """`frozen_accounts.<customer>`: whose members are refused; texts for the refusal's details."""

    deletion_scheduled_at: str | None = key(None, "When its deletion was ordered, ISO 8601.")
    deletion_effective_at: str | None = key(None, "When it will be deleted, ISO 8601.")
    recovery_endpoint: str | None = key(None, "Where that can be undone.")


@frozen(kw_only=True)
class Acl:
    """`acl:`, what of the generic events with a `required_acl` each kind of identity may see."""

    access_key: list[str] = key(["#"], "Access keys.")
    administrator: list[str] = key(["#"], "Agents with admin or manager permission, and super admins.")
    agent: list[str] = key(["#.me", "#.me.#"], "Other agents: by default what names themselves.")
    direct: list[str] = key([], "Direct tokens.")


@frozen(kw_only=True)
class Source:
    """`source:`, VoIPBIN's own events on the bus."""

    exchange: str = key(EXCHANGE, "Durable topic exchange that they are published on.", check=short_text)


@frozen(kw_only=True)
class Generic:
    """`generic:`, how an event of the `bus:` section becomes one of VoIPBIN."""

    names: dict[str, str] = key(MAPPED, "Name to VoIPBIN's type; others keep theirs.", check=_types)
    properties: dict[str, list[str]] = key(
        FILLED, "Property of the resource to those of the event that it comes from, the first there is."
    )


@frozen(kw_only=True)
class VoipbinSettings:
    """`dialects.voipbin:`."""

    paths: list[str] = key(PATHS, "Paths that this dialect is served at.", check=_paths)
    shape: str = key("superset", "What a frame looks like.", check=one_of(*SHAPES))
    jwt_key: str | None = key(
        None, "Key of the JWTs (HS256); null: none is accepted.", secret=True, check=filled
    )
    # The keys of this map are secrets themselves: it is never shown.
    access_keys: dict[str, AccessKey] = field(
        factory=dict,
        repr=False,
        metadata={"doc": "Access keys, each with whose it is."},
        validator=_not_blank,
    )
    lookup: Lookup | None = key(None, "Where other access keys are looked up; null: nowhere.")
    frozen_accounts: dict[str, FrozenAccount] = key(
        {}, "Customers whose members are refused with 403.", check=_uuids
    )
    acl: Acl = field(factory=Acl, metadata={"doc": "ACL patterns by kind of identity."})
    source: Source | None = field(
        default=Factory(Source), metadata={"doc": "VoIPBIN's own events; null: none."}
    )
    generic: Generic | None = field(
        default=Factory(Generic), metadata={"doc": "Events of the `bus:` section; null: none."}
    )
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" stands for any run of characters.', check=origins
    )
    close_on_expiry: bool = key(
        True, "Close with 1008 when the token ends; false: as VoIPBIN, which lets the connection be."
    )
    ping_interval: float = key(10.0, "Seconds between two pings; 0: none.", check=off_or(1, DAY))
    pong_timeout: float = key(60.0, "Seconds for a pong; 0: for ever.", check=off_or(1, DAY))
