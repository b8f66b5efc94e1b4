"""Every reason why a session ends, as data.

Codes below 3000 are RFC 6455 section 7.4.1 and the IANA registry; 4001-4004 are Wazo's public
contract. A client retries after `RETRY` closings with growing pauses. After `TOKEN` closings it gets a new
token first; without another token it retries with growing pauses, because 4002 also comes while wazo-auth
is away. It does not retry by itself after `FIX` and `ASK` closings.
"""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

REASON_MAX = 123
"""Bytes of a reason: a control frame has 125 (RFC 6455 section 5.5), of which the code takes two."""


class Advice(Enum):
    """What a client should do about a closing."""

    RETRY = "connect again"
    TOKEN = "get a new token, then connect again"  # noqa: S105 advice, not a secret
    FIX = "change the client or its configuration first"
    ASK = "ask the administrator of the gateway"


def _short(_: object, __: object, reason: str) -> None:
    """Attrs validator: a close frame has room for it."""
    if len(reason.encode()) > REASON_MAX:
        raise ValueError(f"a reason must not be longer than {REASON_MAX} bytes")


@frozen
class CloseReason:
    """Why a session ends.

    Attributes:
        code: the WebSocket close code; None drops the connection without a close frame.
        reason: the text in the close frame, at most 123 bytes of UTF-8, as the protocol has it.
        meaning: one sentence for people; the log and the page show it.
        advice: what the client should do.
        expiry: it is because the token has ended; such sessions are counted.
    """

    code: int | None
    reason: str = field(validator=_short)
    meaning: str
    advice: Advice
    expiry: bool = False


NO_TOKEN = CloseReason(4001, "no token", "No token was given.", Advice.FIX)
AUTH_FAILED = CloseReason(
    4002,
    "authentication failed",
    "The token is invalid, has expired, or lacks the right to connect, or the gateway could not check it.",
    Advice.TOKEN,
)
AUTH_EXPIRED = CloseReason(
    4003, "authentication expired", "The token has expired or was revoked.", Advice.TOKEN, expiry=True
)
PROTOCOL_ERROR = CloseReason(
    4004, "", "The client sent something that the protocol does not have.", Advice.FIX
)

BUS_LOST = CloseReason(
    1011, "bus connection lost", "The gateway lost its connection to the event bus.", Advice.RETRY
)
BUS_ERROR = CloseReason(
    1011, "bus connection error", "The gateway is not connected to the event bus.", Advice.RETRY
)
EVENTS_LOST = CloseReason(
    1011, "events were lost", "Events were dropped because the gateway did not keep up.", Advice.RETRY
)
PING_TIMEOUT = CloseReason(
    1011, "keepalive ping timeout", "The client did not answer a ping in time.", Advice.RETRY
)
INTERNAL_ERROR = CloseReason(1011, "", "The gateway made a mistake; its log says which.", Advice.RETRY)
TOO_SLOW = CloseReason(1013, "too slow", "The client did not read its events fast enough.", Advice.RETRY)
TOO_BIG = CloseReason(1009, "", "The client sent a message over the size limit.", Advice.FIX)
BROKEN = CloseReason(1002, "", "The client broke the WebSocket protocol.", Advice.FIX)
NOT_UTF8 = CloseReason(1007, "", "The client sent text that is not UTF-8.", Advice.FIX)
KICKED = CloseReason(
    1008, "ended by an administrator", "An administrator of the gateway ended the session.", Advice.ASK
)
GOING_AWAY = CloseReason(1001, "", "The gateway is stopping or restarting.", Advice.RETRY)
UNAUTHENTICATED = CloseReason(
    1008, "authentication timeout", "The client did not say in time who it is.", Advice.FIX
)
IDLE = CloseReason(1000, "", "The client sent nothing for longer than its protocol allows.", Advice.RETRY)
DROPPED = CloseReason(
    None, "", "The connection was dropped, as the protocol asks for this input.", Advice.FIX
)

BY_THE_PEER = CloseReason(None, "", "The client closed the connection.", Advice.RETRY)
LOST = CloseReason(None, "", "The connection broke without a close frame.", Advice.RETRY)
