"""Decode the generic event format, which is that of Wazo's bus, from the exchange of the `bus:` section.

On a `headers` exchange, name, `required_acl`, tenant and users are AMQP headers. On a `topic` exchange, as in
former Wazo versions, name and `required_acl` are keys of the body, and only they decide which peers receive
it. On both, an event without `required_acl` is dropped. The value null requires no ACL; a string is the
required ACL.
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
NO_ACL = Dropped("no required_acl")
BAD_ACL = Dropped("required_acl is neither null nor a string")
OTHER_INSTALLATION = Dropped("of another installation")

_MISSING = object()
_USER = "user_uuid:"


@implementer(ISource)
@frozen
class HeadersSource:
    """The source of a headers exchange: name, ACL, tenant and users of an event are AMQP headers.

    Attributes:
        exchange: an exchange of type headers.
        origin: drop events with another `origin_uuid`; None: accept events of all installations.
    """

    exchange: Exchange
    origin: str | None = None
    name: str = NAME

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """One binding for all events of the exchange, or for those of `origin`, which the broker filters."""
        arguments = () if self.origin is None else (("origin_uuid", self.origin),)
        return (Binding(self.exchange.name, "", arguments),)

    def decode(self, delivery: Delivery) -> Event | Dropped:
        """Decode a delivery. The body is parsed only if the headers have no name."""
        headers = delivery.headers
        required = _required(headers)
        if isinstance(required, Dropped):
            return required
        if self.origin is not None and _text(headers.get("origin_uuid")) != self.origin:
            return OTHER_INSTALLATION
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
    """The source of a topic exchange: name and ACL of an event are keys of its body.

    Attributes:
        exchange: an exchange of type topic.
        origin: drop events whose body has another `origin_uuid`; a body without it, or with null, is
            accepted. None: accept events of all installations.
    """

    exchange: Exchange
    origin: str | None = None
    name: str = NAME

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """One binding for all events of the exchange."""
        return (Binding(self.exchange.name, "#"),)

    def decode(self, delivery: Delivery) -> Event | Dropped:
        body = Body(delivery.body)
        fields = body.json
        if fields is None:
            return NO_BODY
        required = _required(fields)
        if isinstance(required, Dropped):
            return required
        if self.origin is not None and fields.get("origin_uuid") not in (None, self.origin):
            return OTHER_INSTALLATION
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
    """Decode a byte array as UTF-8 if possible, because RabbitMQ also matches byte arrays with strings."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _required(fields: Mapping[str, Any]) -> str | Dropped | None:
    """Return `required_acl` of the headers or the body (None: no ACL required), or the reason to drop it."""
    required = _text(fields.get("required_acl", _MISSING))
    if required is _MISSING:
        return NO_ACL
    return required if required is None or isinstance(required, str) else BAD_ACL


def generic_source(config: Config) -> HeadersSource | TopicSource:
    """Return the source for the exchange of the `bus:` section."""
    bus = config.bus
    exchange = Exchange(bus.exchange_name, bus.exchange_type)
    make = HeadersSource if bus.exchange_type == "headers" else TopicSource
    return make(exchange, config.origin_uuid)
