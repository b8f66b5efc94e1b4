"""The reasons that all protocols share for the end of a session, as values.

Codes below 3000 come from RFC 6455 section 7.4.1 and the IANA registry. Wazo's protocol defines 4001-4004.

The advice of a reason states how a client reconnects:

* `RETRY`: with a delay that grows with each attempt.
* `TOKEN`: with a new token. A client without a new token retries like `RETRY`, because the gateway also sends
  4002 while wazo-auth is unavailable.
* `FIX` and `ASK`: not automatically.
"""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

REASON_MAX = 123
"""Most bytes of a reason: a control frame carries 125 (RFC 6455 section 5.5), and the code takes two."""


class Advice(Enum):
    """The action that a client should take after a session ended."""

    RETRY = "connect again"
    TOKEN = "get a new token, then connect again"  # noqa: S105 advice, not a secret
    FIX = "change the client or its configuration first"
    ASK = "ask the administrator of the gateway"


def _fits_close_frame(_: object, __: object, reason: str) -> None:
    if len(reason.encode()) > REASON_MAX:
        raise ValueError(f"a reason must not be longer than {REASON_MAX} bytes")


@frozen
class CloseReason:
    """The reason for the end of a session.

    Attributes:
        code: the WebSocket close code. None: the connection ends without a close frame.
        reason: the text in the close frame, defined by the protocol, at most 123 bytes of UTF-8.
        meaning: one sentence that explains it; the log and the live page show it.
        advice: the action that the client should take.
        expiry: the session ends because its token expired or was revoked. The metrics count such sessions.

    Raises:
        ValueError: the reason is too long.
    """

    code: int | None
    reason: str = field(validator=_fits_close_frame)
    meaning: str
    advice: Advice
    expiry: bool = False


NO_TOKEN = CloseReason(4001, "no token", "The client sent no token.", Advice.FIX)
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
    4004, "", "The client sent a message that its protocol does not allow.", Advice.FIX
)

BUS_LOST = CloseReason(
    1011, "bus connection lost", "The gateway lost its connection to the event bus.", Advice.RETRY
)
BUS_ERROR = CloseReason(
    1011, "bus connection error", "The gateway is not connected to the event bus.", Advice.RETRY
)
EVENTS_LOST = CloseReason(
    1011, "events were lost", "The gateway lost events because it could not keep up.", Advice.RETRY
)
PING_TIMEOUT = CloseReason(
    1011, "keepalive ping timeout", "The client did not answer a ping in time.", Advice.RETRY
)
INTERNAL_ERROR = CloseReason(
    1011, "", "The gateway had an internal error; its log has the details.", Advice.RETRY
)
TOO_SLOW = CloseReason(1013, "too slow", "The client did not read its events fast enough.", Advice.RETRY)
TOO_BIG = CloseReason(1009, "", "The client sent a message over the size limit.", Advice.FIX)
BROKEN = CloseReason(1002, "", "The client violated the WebSocket protocol.", Advice.FIX)
NOT_UTF8 = CloseReason(1007, "", "The client sent text that is not UTF-8.", Advice.FIX)
KICKED = CloseReason(
    1008, "ended by an administrator", "An administrator of the gateway ended the session.", Advice.ASK
)
GOING_AWAY = CloseReason(1001, "", "The gateway is stopping or restarting.", Advice.RETRY)
UNAUTHENTICATED = CloseReason(
    1008, "authentication timeout", "The client did not authenticate in time.", Advice.FIX
)
IDLE = CloseReason(1000, "", "The client sent nothing for longer than its protocol allows.", Advice.RETRY)
DROPPED = CloseReason(
    None, "", "The gateway dropped the connection, as the protocol requires for this input.", Advice.FIX
)

BY_THE_PEER = CloseReason(None, "", "The client closed the connection.", Advice.RETRY)
LOST = CloseReason(None, "", "The connection was lost without a close frame.", Advice.RETRY)
