"""The generic event, as Wazo publishes it: what a delivery of the `bus:` section's exchange means.

`headers` is today's way: name, `required_acl`, tenant and users are AMQP headers. `topic` is the
way of old: name and `required_acl` are keys of the body, and nothing else decides who may see it.
In both, without `required_acl` nobody sees it, null lets everyone, a string those whose ACL has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from zope.interface import implementer

from wsevents.api.events import Binding, Body, Dropped, Event, Exchange
from wsevents.api.interfaces import ISource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.api.events import Delivery
    from wsevents.api.settings import Config

NAME = "generic"
"""`Event.source` of these events."""

NO_NAME = Dropped("no event name")
NO_BODY = Dropped("the body is not a JSON object")
NOBODY = Dropped("no required_acl, so nobody may see it")
BAD_ACL = Dropped("required_acl is neither null nor a string")
FOREIGN = Dropped("of another installation")

_MISSING = object()
_USER = "user_uuid:"


@implementer(ISource)
@frozen
class HeadersSource:
    """Events whose AMQP headers say what they are.

    Attributes:
        exchange: of type headers.
        origin: only events with this `origin_uuid`; None: of every installation.
    """

    exchange: Exchange
    origin: str | None = None
    name: str = NAME

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Everything of the exchange, or of this origin: the broker leaves out the rest."""
        arguments = () if self.origin is None else (("origin_uuid", self.origin),)
        return (Binding(self.exchange.name, "", arguments),)

    def decode(self, delivery: Delivery) -> Event | Dropped:
        """Return the event; the body is looked at only when the headers have no name."""
        headers = delivery.headers
        required = _required(headers)
        if isinstance(required, Dropped):
            return required
        if self.origin is not None and _text(headers.get("origin_uuid")) != self.origin:
            return FOREIGN
        body = Body(delivery.body)
        name = _text(headers.get("name", _MISSING))
        if name is _MISSING:
            name = (body.json or {}).get("name")
        if not isinstance(name, str):
            return NO_NAME
        tenant = _text(headers.get("tenant_uuid"))
        users = tuple(
            key[len(_USER) :] for key, value in headers.items() if value is True and key.startswith(_USER)
        )
        return Event(
            source=self.name,
            name=name,
            body=body,
            required=required,
            tenant=tenant if isinstance(tenant, str) else None,
            users=tuple(user for user in users if user != "*"),
            everyone="*" in users,
            headers=headers,
            exchange=delivery.exchange,
            key=delivery.key,
            received=delivery.received,
        )


@implementer(ISource)
@frozen
class TopicSource:
    """Events whose body says what they are; only name and ACL decide who sees them.

    Attributes:
        exchange: of type topic.
        origin: events that say another `origin_uuid` in their body are dropped; None: none are. One that
            says null says none.
    """

    exchange: Exchange
    origin: str | None = None
    name: str = NAME

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Everything of the exchange."""
        return (Binding(self.exchange.name, "#"),)

    def decode(self, delivery: Delivery) -> Event | Dropped:
        """Return the event."""
        body = Body(delivery.body)
        fields = body.json
        if fields is None:
            return NO_BODY
        required = _required(fields)
        if isinstance(required, Dropped):
            return required
        if self.origin is not None and fields.get("origin_uuid") not in (None, self.origin):
            return FOREIGN
        name = fields.get("name")
        if not isinstance(name, str):
            return NO_NAME
        tenant = fields.get("tenant_uuid")
        return Event(
            source=self.name,
            name=name,
            body=body,
            required=required,
            tenant=tenant if isinstance(tenant, str) else None,
            public=True,
            headers=delivery.headers,
            exchange=delivery.exchange,
            key=delivery.key,
            received=delivery.received,
        )


def _text(value: Any) -> Any:
    """Return AMQP byte arrays as the text that they are: RabbitMQ matches them with strings, too."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _required(fields: Mapping[str, Any]) -> str | Dropped | None:
    """Return the required ACL that headers or a body name: text, None for everyone, or why nobody."""
    required = _text(fields.get("required_acl", _MISSING))
    if required is _MISSING:
        return NOBODY
    return required if required is None or isinstance(required, str) else BAD_ACL


def generic_source(config: Config) -> HeadersSource | TopicSource:
    """Return the source that the `bus:` section describes."""
    bus = config.bus
    exchange = Exchange(bus.exchange_name, bus.exchange_type)
    make = HeadersSource if bus.exchange_type == "headers" else TopicSource
    return make(exchange, config.origin_uuid)
