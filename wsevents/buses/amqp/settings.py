"""The settings of a `bus:` section of type amqp."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.api.settings import Bus, filled, key, short_text, within
from wsevents.endpoints.check import check_client_endpoint


def _endpoints(_: object, __: Any, value: str | list[str]) -> None:
    """Attrs validator: there is at least one endpoint, and each verifies the host name."""
    texts = [value] if isinstance(value, str) else value
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError("must be a Twisted client endpoint string, or a list of them")
    if any(text.lower().startswith("ssl:") for text in texts):
        raise ValueError("must not be ssl:, which does not verify the host name; use tls:host:port")
    for text in texts:
        check_client_endpoint(text)


@frozen(kw_only=True)
class AmqpSettings(Bus):
    """Address, credentials and limits of the connection to the broker."""

    endpoint: str | list[str] = key(
        "tcp:localhost:5672",
        "Twisted client endpoint of the broker, or a list that is tried in rotation. tls:host:port verifies "
        "the certificate and the host name.",
        check=_endpoints,
    )
    vhost: str = key("/", "Virtual host.", check=short_text)
    username: str = key("guest", "User name.", check=filled)
    password: str = key("guest", "Password.", secret=True, check=filled)
    heartbeat: int = key(
        10,
        "Heartbeat interval in seconds. After two intervals without data the gateway reconnects.",
        check=within(1, 65535),
    )
    prefetch: int = key(1000, "Unacknowledged messages, at most.", check=within(1, 65535))
    queue_bytes: int = key(
        67_108_864,
        "Bytes of events that may wait in RabbitMQ for the gateway. Above this limit RabbitMQ drops the "
        "oldest events, and the gateway closes all peers with 1011. Publishers never wait.",
        check=within(1_048_576, 2**40),
    )

    @property
    def endpoints(self) -> list[str]:
        """The value of `endpoint` as a list."""
        return [self.endpoint] if isinstance(self.endpoint, str) else list(self.endpoint)
