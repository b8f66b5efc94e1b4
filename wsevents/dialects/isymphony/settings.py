"""`dialects.isymphony:`, what there is to set."""

from __future__ import annotations

import re
from typing import Any

from attrs import NOTHING, frozen

from wsevents.api.networks import allowance
from wsevents.api.settings import filled, further_origins, key
from wsevents.core.password_hash import parse

Scalar = str | int | float | bool | None
"""What a property may be."""

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
        raise ValueError("must name at least one network; 0.0.0.0/0 and ::/0 are all there are")
    allowance(texts)


def _origins(_: object, __: Any, patterns: list[str]) -> None:
    further_origins(_, __, patterns)
    for pattern in patterns:
        if "*" in pattern or pattern == "null":
            raise ValueError(
                f"has {pattern!r}; name each origin as it is, since browsers give the password to any page"
            )


def _hash(_: object, __: Any, text: str) -> None:
    parse(text)


def _users(_: object, __: Any, users: dict[str, Account]) -> None:
    if not users:
        raise ValueError("must name at least one user")
    for user in users:
        if not _USER.fullmatch(user):
            raise ValueError(
                f"has {user!r}: a name must not be empty nor have a colon, which HTTP Basic ends it by"
            )


def _kind(rule: Rule, __: Any, kind: str | None) -> None:
    filled(rule, __, kind)
    if (kind is None) == (rule.by is None):
        raise ValueError("must be given, or else by with types")


def _kinds(rule: Rule, __: Any, kinds: dict[str, str]) -> None:
    if bool(kinds) != (rule.by is not None):
        raise ValueError("must be given together with by")


def _sources(_: object, __: Any, sources: dict[str, Any]) -> None:
    for name in ("type", "time"):
        if name in sources:
            raise ValueError(f"cannot have {name}: every event has it anyway")


@frozen(kw_only=True)
class Account:
    """`users.<name>`: somebody who may connect, and what that one sees."""

    password_hash: str = key(NOTHING, "Made by `wsevents hash-password`.", secret=True, check=_hash)
    tenant_uuid: str | None = key(
        NOTHING, "Uuid of the tenant whose events it sees; null: all.", check=filled
    )
    acl: list[str] = key([], "ACL patterns: it sees the events whose required_acl they grant.")


@frozen(kw_only=True)
class Rule:
    """`events.<name>`: what an event of this name becomes."""

    type: str | None = key(None, "Its type.", check=_kind)
    by: str | None = key(None, "Instead: the path in its body of what decides about the type.", check=filled)
    types: dict[str, str] = key({}, "The type for each value there; other values are not sent.", check=_kinds)
    properties: dict[str, Scalar] = key(
        {}, "Its other properties: a text is a path in its body, everything else a value.", check=_sources
    )


@frozen(kw_only=True)
class IsymphonySettings:
    """`dialects.isymphony:`."""

    paths: list[str] = key([PATH], "Paths of requests that are for this dialect.", check=_paths)
    users: dict[str, Account] = key(NOTHING, "Who may connect, by name.", check=_users)
    allow: list[str] = key(
        list(LOCALHOST), "Addresses and networks that peers may come from.", check=_allowed
    )
    allowed_origins: list[str] = key(
        [],
        "Origins of pages elsewhere that may connect; those of the gateway's own origin may anyway.",
        check=_origins,
    )
    core_server_id: str | None = key(
        None, "Every event's coreServerId; null: the origin_uuid in its body.", check=filled
    )
    events: dict[str, Rule | None] = key(
        {}, "What events become, by name, where it is not the default; null: they are not sent."
    )
    others: bool = key(True, "Send events of which neither `events` nor the defaults have the name.")
