"""What comes from the bus: exchanges, bindings, deliveries, and the events that they become.

Times are seconds since the Unix epoch (wall time).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from wsevents.api.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Exchange:
    """An exchange to declare on the bus (AMQP 0-9-1 section 1.7.2)."""

    name: str
    type: str
    durable: bool = True
    auto_delete: bool = False


@frozen
class Binding:
    """What the gateway's queue is to receive of an exchange.

    Attributes:
        exchange: name of a declared exchange.
        key: routing key or pattern; "" for a headers exchange.
        arguments: headers to match, as sorted pairs, so that equal bindings are equal values.
    """

    exchange: str
    key: str = ""
    arguments: tuple[tuple[str, str | bool | int], ...] = ()


@frozen
class Delivery:
    """One message as the bus gave it.

    Attributes:
        body: the bytes, exactly as published.
        headers: AMQP headers, decoded: str, bool, int, float, None, bytes, list, dict, datetime, Decimal.
        exchange: where it was published.
        key: its routing key.
        received: when the gateway took it from the bus.
        redelivered: the bus may have delivered it before.
    """

    body: bytes
    headers: Mapping[str, Any]
    exchange: str
    key: str
    received: float
    redelivered: bool = False


@define(eq=False)
class Body:
    """The body of an event; parsed at most once, and only if somebody needs it."""

    raw: bytes

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The JSON object it holds, or None if it is not a UTF-8 JSON object."""
        try:
            return parse_object(self.raw)
        except ValueError:
            return None


@frozen(eq=False)
class Event:
    """Something that happened, and who may know of it.

    Attributes:
        source: the name of the source that decoded it; a dialect takes the sources that it knows.
        name: such as "call_created".
        body: what is sent on.
        required: the ACL that one must hold to see it; None: everyone may, as far as tenant and user go.
        tenant: uuid of the tenant it belongs to, or None.
        users: uuids of the users it is for.
        everyone: it is for every user of the tenant.
        public: tenant and user do not matter, name and ACL alone decide (the topic exchange of old).
        headers, exchange, key, received: of the delivery.
    """

    source: str
    name: str
    body: Body
    required: str | None
    tenant: str | None = None
    users: tuple[str, ...] = ()
    everyone: bool = False
    public: bool = False
    headers: Mapping[str, Any] = field(factory=dict)
    exchange: str = ""
    key: str = ""
    received: float = 0.0


@frozen
class Dropped:
    """Why a delivery did not become an event that anybody sees; counted by reason."""

    reason: str
