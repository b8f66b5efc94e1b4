"""Encode an event in Wazo's bus format. Pure: the caller publishes the result.

Name, tenant, users and required ACL are AMQP headers, so that a headers exchange can filter by them. The body
repeats the headers and adds `data`.
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
    """An event to publish.

    Attributes:
        name: the event name, such as "call_created".
        tenant: uuid of the tenant it belongs to.
        data: the content, JSON values.
        required: the ACL that an identity needs to see it; None: no ACL.
        users: uuids of the users it is addressed to; empty: every user of the tenant.
        key: routing key; a headers exchange ignores it.
    """

    name: str
    tenant: str
    data: Mapping[str, Any]
    required: str | None
    users: tuple[str, ...] = ()
    key: str = field(default="")


def headers(event: NewEvent, origin: str | None, now: float, utc_offset: float) -> dict[str, Any]:
    """Return the AMQP headers of an event.

    Args:
        event: the event.
        origin: uuid of the publishing installation; None: omit the header.
        now: time of the event, seconds since the epoch; the header has local time without a zone, as Wazo's.
        utc_offset: seconds that local time is ahead of UTC at this time (`time.localtime(now).tm_gmtoff`).
    """
    local = datetime.fromtimestamp(now, UTC).replace(tzinfo=None) + timedelta(seconds=utc_offset)
    return {
        "name": event.name,
        "tenant_uuid": event.tenant,
        **{f"user_uuid:{user}": True for user in event.users or ("*",)},
        "required_access": f"event.{event.name}",
        "required_acl": event.required,
        **({} if origin is None else {"origin_uuid": origin}),
        "timestamp": local.isoformat(timespec="microseconds"),
    }


def body(headers: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """Return the body for these headers and this content: UTF-8 JSON.

    Raises:
        ValueError: the data has a number that JSON cannot represent (infinity, NaN).
        RecursionError: the data is nested too deep.
    """
    return json.dumps({**headers, "data": data}, allow_nan=False).encode()
