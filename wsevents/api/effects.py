"""What a session wants done, as values, and what a dialect wants of the connection.

Times are seconds since the Unix epoch (wall time); durations are seconds.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wsevents.api.close_reasons import CloseReason
    from wsevents.api.interests import IInterest


def _known(_: object, __: object, status: int) -> None:
    """Attrs validator: a status with a phrase, which the status line needs (RFC 9112 section 4)."""
    if status not in set(HTTPStatus):
        raise ValueError(f"{status} is no status that HTTP has")


@frozen
class Respond:
    """Answer the request with an HTTP error; no WebSocket. Only before the upgrade."""

    status: int = field(validator=_known)
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@frozen
class Accept:
    """Upgrade to a WebSocket, with these headers in the answer. Only before the upgrade."""

    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Ask:
    """Put a question to the dialect's authority; `answered(id, …)` follows, exactly once.

    With `hold`, reading from the peer stops until then: what it sent waits in order.
    """

    id: int
    question: Hashable
    hold: bool = True


@frozen
class Subscribe:
    """From now on the peer has exactly these interests.

    With an `id`, `subscribed(id)` follows once every binding they need is live upstream.
    """

    interests: frozenset[IInterest]
    id: int | None = None


@frozen
class Send:
    """Send a text message, after everything that was sent before."""

    text: str


@frozen
class SetTimer:
    """Ring `name` at the time `at`; a new one of the same name replaces it, None cancels it."""

    name: str
    at: float | None


@frozen
class Close:
    """End the session. `why` is for the log alone, and holds no secret."""

    reason: CloseReason
    why: str = ""


Effect = Respond | Accept | Ask | Subscribe | Send | SetTimer | Close


@frozen
class ConnectionPolicy:
    """What a dialect wants of the WebSocket layer. Durations in seconds, sizes in bytes; 0: none.

    Attributes:
        ping_interval: between two pings from the gateway.
        pong_deadline: how long a peer may take to answer one; 0: it need not.
        idle: a peer that sends nothing at all for so long is closed.
        frame_max: larger messages to the peer are fragmented into frames of this size.
        message_max: larger messages from the peer end the session with 1009.
        deflate: whether messages are compressed for peers that ask for it (RFC 7692).
        origins: patterns of origins that may connect; "*" alone: any, a missing or null one included.
        own_pages: pages of the gateway's own origin may connect too.
        origins_key: key of the configuration that `origins` come from, for the log.
        anonymous: a peer may stay unknown for longer than `limits.authentication_seconds`.
    """

    ping_interval: float = 60
    pong_deadline: float = 20
    idle: float = 0
    frame_max: int = 0
    message_max: int = 1048576
    deflate: bool = False
    origins: tuple[str, ...] = ("*",)
    own_pages: bool = False
    origins_key: str = "allowed_origins"
    anonymous: bool = False
