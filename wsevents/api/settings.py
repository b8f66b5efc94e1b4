"""The configuration as values. `config.py` fills them; nobody else reads the configuration's files.

What other files a value names (keys, certificates) is for the validator of that value to find fit, while
`config.py` still knows which file has the key. The defaults here are those of a real installation and of
`etc/wsevents/config.yml`, which a test compares with them. `doc` in a field's metadata explains the key to
an operator.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import field, frozen

from wsevents.api.networks import allowance

DAY = 86400
"""Seconds: the longest that anything periodic may wait."""
SHORT_TEXT = 255
"""Bytes of UTF-8 that an AMQP short string may have (AMQP 0-9-1 section 4.2.5.3)."""
MOST_WORKERS = 256
"""Processes of one gateway."""

_ORIGIN = re.compile(r"null|file://|[^\s/]*\*[^\s/]*|[^\s/]+://[^\s/]+")


def key(default: Any, doc: str, *, secret: bool = False, live: bool = False, check: Any = None) -> Any:
    """Return an attrs field: a key of the configuration.

    Args:
        default: value when the files do not have the key; attrs.NOTHING: they must.
        doc: one sentence for an operator.
        secret: may also come from a file (`<key>_file`) or the environment (`<key>_env`); never shown.
        live: a reload changes it while peers are connected; for plug-ins see `interfaces.IReloadable`.
        check: an attrs validator; its ValueError text is shown to the operator.
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
    """Return an attrs validator: 0, which switches off, or a number from `low` to `high` (None: any)."""
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
    """Attrs validator: a name that AMQP can carry; the empty one means something else there."""
    filled(None, attribute, value)
    if len(value.encode("utf-8", "replace")) > SHORT_TEXT:
        raise ValueError(f"must not be longer than {SHORT_TEXT} bytes")


def one_of(*choices: str) -> Any:
    """Return an attrs validator: one of these words."""

    def check(_: object, attribute: Any, value: str) -> None:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")

    return check


def origins(_: object, attribute: Any, patterns: list[str]) -> None:
    """Attrs validator: at least one pattern, and none that no browser's Origin (RFC 6454) could match."""
    if not patterns:
        raise ValueError('must name at least one origin; "*" alone is any')
    further_origins(_, attribute, patterns)


def further_origins(_: object, attribute: Any, patterns: list[str]) -> None:
    """Attrs validator: patterns of origins that browsers send, or none."""
    for pattern in patterns:
        if not _ORIGIN.fullmatch(pattern):
            raise ValueError(f"has {pattern!r}, which is no origin; write it like https://crm.example.org")


def _proxies(_: object, attribute: Any, texts: list[str]) -> None:
    """Attrs validator: addresses and networks, or `unix`."""
    allowance([text for text in texts if text != "unix"])


def _workers(_: object, attribute: Any, value: int | str) -> None:
    """Attrs validator: `auto`, or a number of processes that a machine can bear."""
    if isinstance(value, int) and not 1 <= value <= MOST_WORKERS:
        raise ValueError(f"must be auto, or from 1 to {MOST_WORKERS}")


def _dialects(_: object, attribute: Any, names: list[str] | None) -> None:
    """Attrs validator: None, or at least one."""
    if names is not None and not names:
        raise ValueError("must name at least one dialect; leave it out for all")


@frozen
class ListenEntry:
    """An entry of `listen:`, where peers connect; a text alone is its `endpoint`."""

    endpoint: str = field(metadata={"doc": "Twisted server endpoint."})
    dialects: list[str] | None = key(
        None, "Names of the dialects that are spoken here; null: all.", check=_dialects
    )

    def serves(self, dialect: str) -> bool:
        """Say whether a dialect, by its name in `dialects:`, is spoken here."""
        return self.dialects is None or dialect in self.dialects


@frozen(kw_only=True)
class WebSocket:
    """`websocket:`, pings, compression and allowed origins of dialects without such keys of their own."""

    ping_interval: float = key(60.0, "Seconds between two pings to a peer; 0: none.", check=off_or(1, DAY))
    ping_timeout: float = key(
        20.0, "Seconds a peer may take to answer a ping; 0: for ever.", check=off_or(1, DAY)
    )
    compression: bool = key(
        False, "Compress events for clients that ask for it (permessage-deflate): traffic for work."
    )
    allowed_origins: list[str] = key(
        ["*"], 'Origins of pages that may connect; "*" stands for any run of characters.', check=origins
    )


@frozen(kw_only=True)
class Limits:
    """`limits:`, what one peer may cost. 0 means no limit."""

    message_bytes: int = key(
        1048576, "Largest message from a peer; a larger one ends its session with 1009.", check=off_or(100)
    )
    subscriptions: int = key(1000, "Subscriptions that one peer may hold.", check=not_negative)
    event_name: int = key(
        1024, "Longest event name, in characters, that a peer may subscribe to.", check=not_negative
    )
    pending_handshakes: int = key(
        512, "Handshakes under way at a time, in all; who comes then waits.", check=not_negative
    )
    pending_per_address: int = key(256, "The same for one address.", check=not_negative)
    waiting_handshakes: int = key(
        10000,
        "Connections that wait for their handshake; of more, the last of the address with most are refused.",
        check=not_negative,
    )
    connections: int = key(
        0, "Connections in all, of each process; who comes then is turned away.", check=not_negative
    )
    connections_per_address: int = key(0, "Connections of one address.", check=not_negative)
    handshake_seconds: float = key(
        10.0, "How long a peer may take for TLS and the HTTP request.", check=off_or(1, DAY)
    )
    authentication_seconds: float = key(
        30.0, "How long it may take from then on until it is known who the peer is.", check=off_or(1, DAY)
    )
    messages_per_second: float = key(
        100.0,
        "Messages a peer may send for long; ten times as many at once. Reading is slowed then.",
        check=off_or(1),
    )


@frozen(kw_only=True)
class OutboundSettings:
    """`outbound:`, what waits for peers that read slowly."""

    peer_bytes: int = key(
        1048576,
        "Bytes that may wait for one peer; one that has more is closed as too slow.",
        live=True,
        check=at_least(1000),
    )
    total_bytes: int = key(
        268435456,
        "The same for all peers together, what many wait for counted once; the most behind go first.",
        live=True,
        check=at_least(1000),
    )
    write_deadline: float = key(
        10.0,
        "Seconds that a peer whose connection is full may take nothing at all.",
        live=True,
        check=at_least(0.1),
    )
    write_through: bool = key(
        True, "Hand events to the kernel at once, past the reactor; false: the ordinary, slower way."
    )


@frozen(kw_only=True)
class Drain:
    """`drain:`, how the gateway takes leave of its peers when it is stopped."""

    seconds: float = key(
        10.0,
        "Peers are closed one after the other over so many seconds; 0: all at once.",
        check=within(0, DAY),
    )


@frozen(kw_only=True)
class StatusSettings:
    """`status:`, where operators and Prometheus ask how the gateway is."""

    endpoint: str | None = key(
        "tcp:9503:interface=127.0.0.1",
        "Twisted server endpoint of the status listener; null: none. Who reaches it sees all.",
    )


@frozen(kw_only=True)
class Bus:
    """`bus:`, the keys that every kind of bus has: how events are published."""

    type: str = key("amqp", "Kind of bus: amqp, or memory for trying things out.")
    exchange_name: str = key("wazo-headers", "Exchange that events are published on.", check=short_text)
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
        60.0, "Seconds between two checks of the static strategy.", check=within(1, DAY)
    )


@frozen(kw_only=True)
class Log:
    """`log:`, what is logged, and how it looks."""

    level: str = key(
        "info",
        "From which level on: debug, info, warn or error.",
        live=True,
        check=one_of("debug", "info", "warn", "error"),
    )
    format: str = key(
        "text", "text for people, or json: one object a line, for programs.", check=one_of("text", "json")
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
        "Twisted server endpoints, each with the dialects that are spoken there.",
    )
    trusted_proxies: list[str] = key(
        [],
        "Addresses and networks of proxies that are believed whom they speak for; unix: by Unix sockets.",
        check=_proxies,
    )
    origin_uuid: str | None = key(
        None,
        "Only events of this installation; unset: XIVO_UUID of the environment; null: all.",
        check=filled,
    )
    workers: int | Literal["auto"] = key(
        1, "Processes that share the listeners; auto: one for each core.", check=_workers
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
