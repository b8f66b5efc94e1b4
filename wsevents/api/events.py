"""The values of the bus: exchanges, bindings, deliveries, and the events that sources decode from them.

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
    """A binding of the gateway's queue to an exchange.

    Attributes:
        exchange: name of a declared exchange.
        key: routing key or pattern; "" for a headers exchange.
        arguments: headers to match, as sorted pairs, so that equal bindings compare equal.
    """

    exchange: str
    key: str = ""
    arguments: tuple[tuple[str, str | bool | int], ...] = ()


@frozen
class Delivery:
    """One message from the bus.

    Attributes:
        body: the bytes, exactly as published.
        headers: AMQP headers, decoded: str, bool, int, float, None, bytes, list, dict, datetime, Decimal.
        exchange: name of the exchange that it was published on.
        key: its routing key.
        received: when the gateway received it from the bus.
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
    """The body of an event, parsed on first use and at most once."""

    raw: bytes

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The parsed body, or None if the body is not a UTF-8 JSON object."""
        try:
            return parse_object(self.raw)
        except ValueError:
            return None


@frozen(eq=False)
class Event:
    """A decoded event, with the properties that decide which identities may see it.

    Attributes:
        source: name of the source that decoded it. A dialect ignores events of sources that it does not know.
        name: the event name, such as "call_created".
        body: the body as published.
        required: the ACL that an identity needs; None: none, tenant and user alone decide.
        tenant: uuid of the tenant it belongs to, or None.
        users: uuids of the users it is addressed to.
        everyone: it is addressed to every user of the tenant.
        public: only name and ACL decide, not tenant and user, as on a topic exchange.
        headers, exchange, key, received: see `Delivery`.
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
    """The reason why the gateway dropped a delivery. The metrics count drops by reason."""

    reason: str
