"""The `bus:` section when its type is amqp."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.api.settings import Bus, filled, key, short_text, within
from wsevents.endpoints.check import check_client_endpoint


def _endpoints(_: object, __: Any, value: str | list[str]) -> None:
    """Attrs validator: at least one, and none that does not verify the host name."""
    texts = [value] if isinstance(value, str) else value
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError("must be a Twisted client endpoint string, or a list of them")
    if any(text.lower().startswith("ssl:") for text in texts):
        raise ValueError("must not be ssl:, which does not verify the host name; use tls:host:port")
    for text in texts:
        check_client_endpoint(text)


@frozen(kw_only=True)
class AmqpSettings(Bus):
    """Where the broker is, and how to get in."""

    endpoint: str | list[str] = key(
        "tcp:localhost:5672",
        "Twisted client endpoint of the broker, or a list tried in turn; tls:host:port verifies certificate "
        "and host name.",
        check=_endpoints,
    )
    vhost: str = key("/", "Virtual host.", check=short_text)
    username: str = key("guest", "User.", check=filled)
    password: str = key("guest", "Password.", secret=True, check=filled)
    heartbeat: int = key(
        10, "Seconds; a broker that is silent for twice as long is taken for dead.", check=within(1, 65535)
    )
    prefetch: int = key(
        1000, "Messages that may be under way to the gateway unacknowledged.", check=within(1, 65535)
    )
    queue_bytes: int = key(
        67_108_864,
        "Bytes of events that may wait in RabbitMQ for the gateway; if more would, the oldest are dropped, "
        "and all peers are closed with 1011. Publishers never wait.",
        check=within(1_048_576, 2**40),
    )

    @property
    def endpoints(self) -> list[str]:
        """The endpoints as a list."""
        return [self.endpoint] if isinstance(self.endpoint, str) else list(self.endpoint)
