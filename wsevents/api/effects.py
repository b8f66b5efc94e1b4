"""Effects, the actions that a session requests, and the connection policy of a dialect.

A session returns effects; the session runner executes them in order. Times are seconds since the Unix
epoch (wall time); durations are seconds.
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
    """Attrs validator: a status with a reason phrase for the status line (RFC 9112 section 4)."""
    if status not in set(HTTPStatus):
        raise ValueError(f"{status} is not a known HTTP status")


@frozen
class Respond:
    """Answer the request with this HTTP response instead of a WebSocket. Valid before the upgrade only."""

    status: int = field(validator=_known)
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@frozen
class Accept:
    """Upgrade to a WebSocket and add these headers to the response. Valid before the upgrade only."""

    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Ask:
    """Ask the dialect's authority a question; the fact `answered` with this `id` follows exactly once.

    With `hold`, the session receives no message of the peer before the answer; messages wait in order.
    """

    id: int
    question: Hashable
    hold: bool = True


@frozen
class Subscribe:
    """Replace all interests of the peer by these.

    With an `id`, the fact `subscribed` with this id follows as soon as the bus has made, or rejected, the
    bindings of the interests.
    """

    interests: frozenset[IInterest]
    id: int | None = None


@frozen
class Send:
    """Send a text message after all messages that were sent earlier."""

    text: str


@frozen
class SetTimer:
    """Request the fact `timer_fired` for `name` at the time `at`.

    It replaces an earlier timer of the same name. If `at` is None, it only cancels that timer.
    """

    name: str
    at: float | None


@frozen
class Close:
    """End the session. Only the log shows `why`; it must not contain a secret."""

    reason: CloseReason
    why: str = ""


Effect = Respond | Accept | Ask | Subscribe | Send | SetTimer | Close


@frozen
class ConnectionPolicy:
    """The connection settings of a dialect. Durations in seconds, sizes in bytes; 0 switches a rule off.

    Attributes:
        ping_interval: time between two pings to a peer; 0: no pings.
        pong_deadline: time for the answer to a ping; 0: the peer need not answer.
        idle: the gateway closes a peer that sends no data for this time.
        frame_max: a longer message to the peer is fragmented into frames with at most this payload.
        message_max: a longer message from the peer ends the session with 1009.
        deflate: compress messages for peers that offer permessage-deflate (RFC 7692).
        origins: patterns of the origins that may connect. "*" alone allows any, also a missing or null one.
        own_pages: pages of the gateway's own origin may connect too.
        origins_key: the configuration key that sets `origins`, for the log.
        anonymous: `limits.authentication_seconds` does not apply to the peers.
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
