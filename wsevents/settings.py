"""The configuration as values. `config.py` fills them; nobody else reads a file.

The defaults here are those of a real installation and of `etc/wsevents/config.yml`, which a test
compares with them. `doc` in a field's metadata explains the key to an operator.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


def key(default: Any, doc: str, *, secret: bool = False, check: Any = None) -> Any:
    """Return an attrs field: a key of the configuration.

    Args:
        default: value when the files do not have the key.
        doc: one sentence for an operator.
        secret: may also come from a file (`<key>_file`) or the environment (`<key>_env`); never shown.
        check: an attrs validator; its ValueError text is shown to the operator.
    """
    metadata = {"doc": doc, "secret": secret}
    if isinstance(default, dict | list):
        kind = type(default)
        return field(factory=lambda: kind(default), metadata=metadata, validator=check, repr=not secret)
    return field(default=default, metadata=metadata, validator=check, repr=not secret)


def positive(_: object, attribute: Any, value: float) -> None:
    """Attrs validator: more than 0."""
    if value <= 0:
        raise ValueError("must be more than 0")


def not_negative(_: object, attribute: Any, value: float) -> None:
    """Attrs validator: 0 or more."""
    if value < 0:
        raise ValueError("must be 0 or more")


def one_of(*choices: str) -> Any:
    """Return an attrs validator: one of these words."""

    def check(_: object, attribute: Any, value: str) -> None:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")

    return check


@frozen(kw_only=True)
class WebSocket:
    """`websocket:`, how Wazo's peers are kept alive and where their pages may come from."""

    ping_interval: float = key(60.0, "Seconds between two pings to a peer; 0: none.", check=not_negative)
    ping_timeout: float = key(
        20.0, "Seconds a peer may take to answer a ping; 0: for ever.", check=not_negative
    )
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" stands for any run of characters.'
    )


@frozen(kw_only=True)
class Limits:
    """`limits:`, what one peer may cost. 0 means no limit."""

    message_bytes: int = key(
        1048576, "Largest message from a peer; a larger one ends its session with 1009.", check=not_negative
    )
    subscriptions: int = key(1000, "Subscriptions that one peer may hold.", check=not_negative)
    event_name: int = key(
        1024, "Longest event name, in characters, that a peer may subscribe to.", check=not_negative
    )
    pending_handshakes: int = key(
        512, "Connections that have not finished their handshake, in all.", check=not_negative
    )
    pending_per_address: int = key(256, "The same for one address.", check=not_negative)
    connections_per_address: int = key(0, "Connections of one address.", check=not_negative)
    handshake_seconds: float = key(
        10.0, "How long a peer may take for TLS and the HTTP request.", check=not_negative
    )
    messages_per_second: float = key(
        100.0,
        "Messages a peer may send for long; ten times as many at once. Reading is slowed then.",
        check=not_negative,
    )


@frozen(kw_only=True)
class Outbound:
    """`outbound:`, what waits for peers that read slowly."""

    peer_bytes: int = key(
        1048576, "Bytes that may wait for one peer; one that has more is closed as too slow.", check=positive
    )


@frozen(kw_only=True)
class Bus:
    """`bus:`, the keys that every kind of bus has: how events are published."""

    type: str = key("amqp", "Kind of bus: amqp, or memory for trying things out.")
    exchange_name: str = key("wazo-headers", "Exchange that events are published on.")
    exchange_type: str = key(
        "headers",
        "headers (name and required_acl are AMQP headers) or topic (they are keys of the body).",
        check=one_of("headers", "topic"),
    )


@frozen(kw_only=True)
class Auth:
    """`auth:`, the keys that every kind of authenticator has: when tokens are checked again."""

    type: str = key("wazo", "Kind of authenticator: wazo, or static for tokens in this file.")
    check_strategy: str = key(
        "dynamic",
        "dynamic (the closer the expiry, the sooner the next check) or static (at a fixed interval).",
        check=one_of("dynamic", "static"),
    )
    check_static_interval: float = key(
        60.0, "Seconds between two checks of the static strategy.", check=positive
    )


@frozen(kw_only=True)
class Config:
    """The whole configuration."""

    listen: list[str] = key(
        ["ssl:9502:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"],
        "Twisted server endpoints.",
    )
    origin_uuid: str | None = key(
        None, "Only events of this installation; unset: XIVO_UUID of the environment; null: all."
    )
    bus: Bus = field(factory=Bus)
    auth: Auth = field(factory=Auth)
    websocket: WebSocket = field(factory=WebSocket)
    limits: Limits = field(factory=Limits)
    outbound: Outbound = field(factory=Outbound)
    dialects: dict[str, Any] = field(factory=dict)
