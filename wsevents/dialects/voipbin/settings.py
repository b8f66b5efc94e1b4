"""The section `dialects.voipbin` of the configuration."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 the loader reads the types of the keys at run time
from typing import Any
from urllib.parse import urlsplit

from attrs import NOTHING, Factory, field, frozen

from wsevents.api.settings import DAY, filled, key, off_or, one_of, origins, positive, short_text, within
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.moment import moment

PATHS = ["/v1.0/ws", "/v1.0/service_agents/ws"]
EXCHANGE = "bin-manager.webhook-manager.event.topic"
SHAPES = ("superset", "seed", "wrapped", "bare")
DEFAULT_NAMES = {
    "call_answered": "call_progressing",
    "call_ended": "call_hangup",
    "agent_status_update": "agent_status_updated",
}
"""Name of a generic event -> VoIPBIN's type, where the names differ."""
DEFAULT_PROPERTIES = {"id": ["id", "uuid", "call_id"]}
"""Property of a VoIPBIN resource -> properties of a generic event that may have its value, in order."""


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
        raise ValueError("has an access key with a dot; credentials with a dot are JWTs")


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
    """`access_keys.<key>`: an access key, which has the rights of an administrator of its customer."""

    customer_id: str = key(NOTHING, "Uuid of the customer that the key belongs to.", check=_uuid)
    expires_at: str | datetime | date | float | None = key(
        None,
        "When the key expires: ISO 8601 (UTC if it has no offset) or seconds since the epoch; null: never.",
        check=_moment,
    )
    acl: list[str] | None = key(None, "ACL patterns for generic events; null: those of `acl.access_key`.")


@frozen(kw_only=True)
class Lookup:
    """`lookup:`, the server that knows the access keys that are not in the configuration."""

    url: str = key(
        NOTHING, 'URL to which the gateway sends a POST with the body {"accesskey": KEY}.', check=_url
    )
    verify_certificate: bool | str = key(
        True,
        "How the gateway verifies the certificate of the server: true (with the CA certificates of the "
        "system), a PEM file with CA certificates, or false (not at all).",
    )
    timeout: float = key(10.0, "Seconds that a look-up may take in total.", check=within(1, 3600))
    concurrent_lookups: int = key(32, "Look-ups at the same time, at most.", check=positive)
    waiting_lookups: int = key(10000, "Queued look-ups, at most; further ones fail.", check=positive)


@frozen(kw_only=True)
class FrozenAccount:
    """`frozen_accounts.<customer>`: the details in the 403 response to members of a frozen account."""

    deletion_scheduled_at: str | None = key(None, "When the deletion of the account was requested, ISO 8601.")
    deletion_effective_at: str | None = key(None, "When the account will be deleted, ISO 8601.")
    recovery_endpoint: str | None = key(None, "Endpoint that cancels the deletion.")


@frozen(kw_only=True)
class Acl:
    """`acl:`, the ACL of each kind of identity for generic events that have a `required_acl`."""

    access_key: list[str] = key(["#"], "Access keys.")
    administrator: list[str] = key(["#"], "Agents with admin or manager permission, and super admins.")
    agent: list[str] = key(
        ["#.me", "#.me.#"], "Other agents; the default permits events that name the agent."
    )
    direct: list[str] = key([], "Direct tokens.")


@frozen(kw_only=True)
class Source:
    """`source:`, VoIPBIN's own events on the bus."""

    exchange: str = key(EXCHANGE, "Durable topic exchange of these events.", check=short_text)


@frozen(kw_only=True)
class Generic:
    """`generic:`, how events of the exchange in section `bus:` are mapped to VoIPBIN's format."""

    names: dict[str, str] = key(
        DEFAULT_NAMES, "Event names and their types in VoIPBIN; other names are kept.", check=_types
    )
    properties: dict[str, list[str]] = key(
        DEFAULT_PROPERTIES,
        "Properties of the resource, each with the event properties of which the first present is used.",
    )


@frozen(kw_only=True)
class VoipbinSettings:
    """`dialects.voipbin:`."""

    paths: list[str] = key(PATHS, "Paths at which the gateway serves this dialect.", check=_paths)
    shape: str = key("superset", "Shape of the frames.", check=one_of(*SHAPES))
    jwt_key: str | None = key(
        None, "Key of the JWTs (HS256); null: the gateway accepts no JWT.", secret=True, check=filled
    )
    # The keys of this map are secrets: it is never shown.
    access_keys: dict[str, AccessKey] = field(
        factory=dict,
        repr=False,
        metadata={"doc": "Access keys, each with its customer."},
        validator=_not_blank,
    )
    lookup: Lookup | None = key(None, "Server that looks up other access keys; null: none.")
    frozen_accounts: dict[str, FrozenAccount] = key(
        {}, "Customers whose members get a 403 response.", check=_uuids
    )
    acl: Acl = field(factory=Acl, metadata={"doc": "ACL patterns by kind of identity, for generic events."})
    source: Source | None = field(
        default=Factory(Source),
        metadata={"doc": "VoIPBIN's own events; null: the gateway does not read them."},
    )
    generic: Generic | None = field(
        default=Factory(Generic),
        metadata={"doc": "Generic events, from section `bus:`; null: clients do not get them."},
    )
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" matches any sequence of characters.', check=origins
    )
    close_on_expiry: bool = key(
        True, "Close with 1008 when the credential expires; false: keep the connection, as VoIPBIN does."
    )
    ping_interval: float = key(10.0, "Seconds between two pings; 0: none.", check=off_or(1, DAY))
    pong_timeout: float = key(
        60.0, "Seconds that a client has to answer a ping; 0: no limit.", check=off_or(1, DAY)
    )
