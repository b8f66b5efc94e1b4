"""The section `dialects.isymphony` of the configuration."""

from __future__ import annotations

import re
from typing import Any

from attrs import NOTHING, frozen

from wsevents.api.networks import parse_networks
from wsevents.api.settings import filled, further_origins, key
from wsevents.core.password_hash import parse

Scalar = str | int | float | bool | None
"""A value of a property."""

PATH = "/communication_manager/ws/event"
LOCALHOST = ("127.0.0.0/8", "::1")

_USER = re.compile(r"[^\0-\x1f\x7f:]+")


def _paths(_: object, __: Any, paths: list[str]) -> None:
    if not paths:
        raise ValueError("must name at least one path")
    for path in paths:
        if not path.startswith("/"):
            raise ValueError(f"has {path!r}, which does not begin with a slash")


def _allowed(_: object, __: Any, texts: list[str]) -> None:
    if not texts:
        raise ValueError("must name at least one network; 0.0.0.0/0 and ::/0 are all addresses")
    parse_networks(texts)


def _origins(_: object, __: Any, patterns: list[str]) -> None:
    further_origins(_, __, patterns)
    for pattern in patterns:
        if "*" in pattern or pattern == "null":
            raise ValueError(
                f"has {pattern!r}; name each origin exactly: a browser sends the password for any page"
            )


def _hash(_: object, __: Any, text: str) -> None:
    parse(text)


def _users(_: object, __: Any, users: dict[str, Account]) -> None:
    if not users:
        raise ValueError("must name at least one user")
    for user in users:
        if not _USER.fullmatch(user):
            raise ValueError(
                f"has {user!r}; a name must not be empty and must not contain a colon, its end in HTTP Basic"
            )


def _kind(rule: Rule, __: Any, kind: str | None) -> None:
    filled(rule, __, kind)
    if (kind is None) == (rule.by is None):
        raise ValueError("must be given, unless by and types are given")


def _kinds(rule: Rule, __: Any, kinds: dict[str, str]) -> None:
    if bool(kinds) != (rule.by is not None):
        raise ValueError("must be given together with by")


def _sources(_: object, __: Any, sources: dict[str, Any]) -> None:
    for name in ("type", "time"):
        if name in sources:
            raise ValueError(f"cannot have {name}: every event has it")


@frozen(kw_only=True)
class Account:
    """`users.<name>`: an account, and the events that it may see."""

    password_hash: str = key(
        NOTHING, "Hash of the password, from `wsevents hash-password`.", secret=True, check=_hash
    )
    tenant_uuid: str | None = key(
        NOTHING, "Uuid of the tenant whose events the account sees; null: all tenants.", check=filled
    )
    acl: list[str] = key([], "ACL patterns: the account sees the events whose required_acl they grant.")


@frozen(kw_only=True)
class Rule:
    """`events.<name>`: the rule for events of this name."""

    type: str | None = key(None, "Type of the event.", check=_kind)
    by: str | None = key(
        None, "Instead of type: path in the body to the value that selects the type.", check=filled
    )
    types: dict[str, str] = key(
        {}, "The type for each value at `by`; events with other values are not sent.", check=_kinds
    )
    properties: dict[str, Scalar] = key(
        {},
        "The other properties: a text is a path in the body, anything else is a fixed value.",
        check=_sources,
    )


@frozen(kw_only=True)
class IsymphonySettings:
    """`dialects.isymphony:`."""

    paths: list[str] = key([PATH], "Paths at which the gateway serves this dialect.", check=_paths)
    users: dict[str, Account] = key(NOTHING, "Accounts, by user name.", check=_users)
    allow: list[str] = key(
        list(LOCALHOST), "Addresses and networks from which clients may connect.", check=_allowed
    )
    allowed_origins: list[str] = key(
        [],
        "Origins of other pages that may connect; pages of the gateway's own origin always may.",
        check=_origins,
    )
    core_server_id: str | None = key(
        None, "The coreServerId of all events; null: the origin_uuid in the body of each event.", check=filled
    )
    events: dict[str, Rule | None] = key(
        {}, "Rules by event name, which replace the default rules; null: these events are not sent."
    )
    others: bool = key(True, "Send events that have a rule neither in `events` nor in the defaults.")
