"""The configuration as values. Only `wsevents.config.loader` reads the files and creates these values.

The validator of a key also checks files that its value names, such as private keys, because the loader then
can report the file and the key. The defaults are those of `etc/wsevents/config.yml`; a test compares them.
The operator reads the `doc` of each key in `docs/configuration.md`.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import field, frozen

from wsevents.api.networks import parse_networks

DAY = 86400
"""Seconds: the longest permitted interval."""
SHORT_TEXT = 255
"""Most bytes of UTF-8 in an AMQP short string (AMQP 0-9-1 section 4.2.5.3)."""
MOST_WORKERS = 256
"""Most worker processes of one gateway."""

_ORIGIN = re.compile(r"null|file://|[^\s/]*\*[^\s/]*|[^\s/]+://[^\s/]+")


def key(default: Any, doc: str, *, secret: bool = False, live: bool = False, check: Any = None) -> Any:
    """Return an attrs field: a key of the configuration.

    Args:
        default: value if the files omit the key; attrs.NOTHING: the key is required.
        doc: one or two sentences for an operator.
        secret: may also come from a file (`<key>_file`) or the environment (`<key>_env`); `repr` omits it.
        live: a reload can change it without a restart; a plug-in then provides `interfaces.IReloadable`.
        check: an attrs validator; the operator sees the text of its ValueError.
    """
    metadata = {"doc": doc, "secret": secret, "live": live}
    if isinstance(default, dict | list):
        kind = type(default)
        return field(factory=lambda: kind(default), metadata=metadata, validator=check, repr=not secret)
    return field(default=default, metadata=metadata, validator=check, repr=not secret)


def positive(_: object, attribute: Any, value: float) -> None:
    """Attrs validator: more than 0."""
    if value <= 0:
        raise ValueError("must be more than 0")


def at_least(low: float) -> Any:
    """Return an attrs validator: `low` or more."""

    def check(_: object, attribute: Any, value: float) -> None:
        if value < low:
            raise ValueError(f"must be {low} or more")

    return check


def not_negative(_: object, attribute: Any, value: float) -> None:
    """Attrs validator: 0 or more."""
    if value < 0:
        raise ValueError("must be 0 or more")


def within(low: float, high: float) -> Any:
    """Return an attrs validator: a number from `low` to `high`."""

    def check(_: object, attribute: Any, value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")

    return check


def off_or(low: float, high: float | None = None) -> Any:
    """Return an attrs validator: 0, which means off, or a number from `low` to `high` (None: unbounded)."""
    wanted = f"0, or {low} or more" if high is None else f"0, or from {low} to {high}"

    def check(_: object, attribute: Any, value: float) -> None:
        if value and not (low <= value and (high is None or value <= high)):
            raise ValueError(f"must be {wanted}")

    return check


def filled(_: object, attribute: Any, value: str | None) -> None:
    """Attrs validator: a text that is not blank, or None."""
    if value is not None and not value.strip():
        raise ValueError("must not be empty")


def short_text(_: object, attribute: Any, value: str) -> None:
    """Attrs validator: an AMQP name, not empty, because AMQP gives the empty name a special meaning."""
    filled(None, attribute, value)
    if len(value.encode("utf-8", "replace")) > SHORT_TEXT:
        raise ValueError(f"must not be longer than {SHORT_TEXT} bytes")


def one_of(*choices: str) -> Any:
    """Return an attrs validator: one of these texts."""

    def check(_: object, attribute: Any, value: str) -> None:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")

    return check


def origins(_: object, attribute: Any, patterns: list[str]) -> None:
    """Attrs validator: at least one pattern, each of which an Origin header (RFC 6454) can match."""
    if not patterns:
        raise ValueError('must name at least one origin; "*" alone allows any')
    further_origins(_, attribute, patterns)


def further_origins(_: object, attribute: Any, patterns: list[str]) -> None:
    """Attrs validator: any number of patterns, each of which an Origin header (RFC 6454) can match."""
    for pattern in patterns:
        if not _ORIGIN.fullmatch(pattern):
            raise ValueError(
                f"has {pattern!r}, which is not an origin; write it like https://crm.example.org"
            )


def _proxies(_: object, attribute: Any, texts: list[str]) -> None:
    """Attrs validator: addresses and networks, or `unix`."""
    parse_networks([text for text in texts if text != "unix"])


def _workers(_: object, attribute: Any, value: int | str) -> None:
    """Attrs validator: `auto`, or a number from 1 to `MOST_WORKERS`."""
    if isinstance(value, int) and not 1 <= value <= MOST_WORKERS:
        raise ValueError(f"must be auto, or from 1 to {MOST_WORKERS}")


def _dialects(_: object, attribute: Any, names: list[str] | None) -> None:
    """Attrs validator: None, or at least one name."""
    if names is not None and not names:
        raise ValueError("must name at least one dialect; omit the key for all dialects")


@frozen
class ListenEntry:
    """An entry of `listen:`, one listener. A text instead of a section is its `endpoint`."""

    endpoint: str = field(metadata={"doc": "Twisted server endpoint."})
    dialects: list[str] | None = key(
        None, "Names of the dialects that the listener serves; null: all.", check=_dialects
    )

    def serves(self, dialect: str) -> bool:
        """Return whether the listener serves the dialect with this name in `dialects:`."""
        return self.dialects is None or dialect in self.dialects


@frozen(kw_only=True)
class WebSocket:
    """`websocket:`, pings, compression and allowed origins of dialects that have no such keys themselves."""

    ping_interval: float = key(
        60.0, "Seconds between two pings to a peer; 0: no pings.", check=off_or(1, DAY)
    )
    ping_timeout: float = key(
        20.0, "Seconds within which a peer must answer a ping; 0: no timeout.", check=off_or(1, DAY)
    )
    compression: bool = key(
        False,
        "Compress events for clients that offer permessage-deflate: less traffic, more CPU time.",
    )
    allowed_origins: list[str] = key(
        ["*"],
        'Origins of the web pages that may connect; "*" matches any characters.',
        check=origins,
    )


@frozen(kw_only=True)
class Limits:
    """`limits:`, the resources that a peer may use. 0 means no limit. Each limit holds per process."""

    message_bytes: int = key(
        1048576,
        "Largest message from a peer, in bytes; a larger one ends its session with 1009.",
        check=off_or(100),
    )
    subscriptions: int = key(
        1000, "Subscriptions of one peer; one more ends its session.", check=not_negative
    )
    event_name: int = key(
        1024,
        "Longest event name in a subscription, in characters; a longer one ends the session.",
        check=not_negative,
    )
    pending_handshakes: int = key(
        512, "Handshakes at the same time; further connections wait.", check=not_negative
    )
    pending_per_address: int = key(
        256, "Handshakes at the same time from one address; further connections wait.", check=not_negative
    )
    waiting_handshakes: int = key(
        10000,
        "Connections that wait for their handshake. If there are more, the gateway closes the newest of the "
        "address that has most of them.",
        check=not_negative,
    )
    connections: int = key(0, "Connections; further ones are closed at once.", check=not_negative)
    connections_per_address: int = key(
        0, "Connections from one address; further ones are closed at once.", check=not_negative
    )
    handshake_seconds: float = key(
        10.0, "Seconds for TLS and the HTTP request; then the connection is closed.", check=off_or(1, DAY)
    )
    authentication_seconds: float = key(
        30.0,
        "Seconds from the HTTP request within which a peer must authenticate; then it is disconnected.",
        check=off_or(1, DAY),
    )
    messages_per_second: float = key(
        100.0,
        "Sustained rate of messages from a peer; a burst may have ten times as many. The gateway reads a "
        "faster peer more slowly.",
        check=off_or(1),
    )


@frozen(kw_only=True)
class OutboundSettings:
    """`outbound:`, limits on data that waits for slow peers."""

    peer_bytes: int = key(
        1048576,
        "Bytes that may wait for one peer; a peer with more is closed with 1013.",
        live=True,
        check=at_least(1000),
    )
    total_bytes: int = key(
        268435456,
        "Bytes that may wait for all peers; data that several peers wait for counts once. Above this limit, "
        "the peers with the most data are closed with 1013.",
        live=True,
        check=at_least(1000),
    )
    write_deadline: float = key(
        10.0,
        "Seconds without progress, after which a peer whose connection is full is closed with 1013.",
        live=True,
        check=at_least(0.1),
    )
    write_through: bool = key(
        True, "Write events to the socket at once; false: through the reactor, which needs more CPU time."
    )


@frozen(kw_only=True)
class Drain:
    """`drain:`, how the gateway closes its peers during a shutdown."""

    seconds: float = key(
        10.0,
        "Seconds over which the gateway closes its peers one by one; 0: all at once.",
        check=within(0, DAY),
    )


@frozen(kw_only=True)
class StatusSettings:
    """`status:`, the status listener with metrics, health and sessions, for operators and Prometheus."""

    endpoint: str | None = key(
        "tcp:9503:interface=127.0.0.1",
        "Twisted server endpoint of the status listener; null: no status listener. It does not authenticate "
        "its clients.",
    )


@frozen(kw_only=True)
class Bus:
    """`bus:`, the keys that every type of bus has: the exchange of the events."""

    type: str = key("amqp", "Type of bus: amqp, or memory for tests without a broker.")
    exchange_name: str = key("wazo-headers", "Exchange that events are published on.", check=short_text)
    exchange_type: str = key(
        "headers",
        "Type of the exchange. With headers, name and required_acl are AMQP headers; with topic, they are "
        "keys of the body.",
        check=one_of("headers", "topic"),
    )


@frozen(kw_only=True)
class Auth:
    """`auth:`, the keys that every type of authenticator has: when the gateway checks a token again."""

    type: str = key("wazo", "Type of authenticator: wazo, or static for tokens in this file.")
    check_strategy: str = key(
        "dynamic",
        "When the token of a session is checked again. With dynamic, the interval shrinks as the expiry "
        "approaches; with static, it is fixed.",
        check=one_of("dynamic", "static"),
    )
    check_static_interval: float = key(
        60.0, "Seconds between two checks with the strategy static.", check=within(1, DAY)
    )


@frozen(kw_only=True)
class Log:
    """`log:`, level and format of the log."""

    level: str = key(
        "info",
        "Lowest level that is logged: debug, info, warn or error.",
        live=True,
        check=one_of("debug", "info", "warn", "error"),
    )
    format: str = key(
        "text",
        "Format of a line: text for people, or json (one object per line) for programs.",
        check=one_of("text", "json"),
    )


@frozen(kw_only=True)
class Config:
    """The whole configuration."""

    listen: list[ListenEntry] = key(
        [
            ListenEntry(
                "ssl:9502:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"
            )
        ],
        "Listeners for peers: Twisted server endpoints, each with its dialects.",
    )
    trusted_proxies: list[str] = key(
        [],
        "Addresses and networks of the proxies whose client-address headers the gateway trusts; unix: all "
        "clients of Unix sockets.",
        check=_proxies,
    )
    origin_uuid: str | None = key(
        None,
        "Relay only events of the installation with this uuid; omitted: of XIVO_UUID in the environment; "
        "null: of all installations.",
        check=filled,
    )
    workers: int | Literal["auto"] = key(
        1, "Worker processes, which share the listeners; auto: one per CPU core.", check=_workers
    )
    bus: Bus = field(factory=Bus)
    auth: Auth = field(factory=Auth)
    websocket: WebSocket = field(factory=WebSocket)
    limits: Limits = field(factory=Limits, metadata={"live": True})
    outbound: OutboundSettings = field(factory=OutboundSettings)
    drain: Drain = field(factory=Drain, metadata={"live": True})
    log: Log = field(factory=Log)
    status: StatusSettings = field(factory=StatusSettings)
    dialects: dict[str, Any] = field(factory=dict)
