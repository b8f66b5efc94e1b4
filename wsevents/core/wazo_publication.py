"""Something that happened, in the form in which Wazo publishes it.

Wazo's convention: the body is the AMQP headers plus `data`; the name, the tenant, the users and
the required ACL are headers, so that a headers exchange can filter by them. Pure: publishing the
result is up to whoever has a bus.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class NewEvent:
    """Something that happened, before it is published.

    Attributes:
        name: such as "call_created".
        tenant: uuid of the tenant it belongs to.
        data: what is to be told of it; JSON values.
        required: the ACL that one must hold to see it; None: everyone may.
        users: uuids of the users it is for; none: every user of the tenant.
        key: routing key; a headers exchange ignores it.
    """

    name: str
    tenant: str
    data: Mapping[str, Any]
    required: str | None
    users: tuple[str, ...] = ()
    key: str = field(default="")


def headers(happening: NewEvent, origin: str | None, now: float, ahead: float) -> dict[str, Any]:
    """Return the AMQP headers: who may know of it, and when and where it happened.

    Args:
        happening: what happened.
        origin: uuid of the installation where it did; None: the header is left out.
        now: when, in seconds since the epoch; published as local time without a zone, as Wazo does.
        ahead: seconds that local time is ahead of UTC then (`time.localtime(now).tm_gmtoff`).
    """
    local = datetime.fromtimestamp(now, UTC).replace(tzinfo=None) + timedelta(seconds=ahead)
    return {
        "name": happening.name,
        "tenant_uuid": happening.tenant,
        **{f"user_uuid:{user}": True for user in happening.users or ("*",)},
        "required_access": f"event.{happening.name}",
        "required_acl": happening.required,
        **({} if origin is None else {"origin_uuid": origin}),
        "timestamp": local.isoformat(timespec="microseconds"),
    }


def body(headers: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """Return the body that goes with these headers: UTF-8 JSON.

    Raises:
        ValueError: the data holds a number that JSON has not (infinite, not a number).
        RecursionError: the data is nested too deep.
    """
    return json.dumps({**headers, "data": data}, allow_nan=False).encode()
