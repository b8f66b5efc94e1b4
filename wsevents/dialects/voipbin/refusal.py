"""The answers to a request that is not upgraded."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wsevents.api.effects import Respond

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON = ("Content-Type", "application/json; charset=utf-8")
_CHALLENGE = ("WWW-Authenticate", "Bearer")  # RFC 9110 section 15.5.2 wants one with every 401

MISSING = (401, "UNAUTHENTICATED", "AUTHENTICATION_REQUIRED", "No credential was given.")
INVALID = (401, "UNAUTHENTICATED", "INVALID_CREDENTIALS", "The credential is not valid, or not any more.")
FROZEN = (403, "PERMISSION_DENIED", "ACCOUNT_FROZEN", "The account is frozen.")
FOREIGN = (403, "PERMISSION_DENIED", "ORIGIN_NOT_ALLOWED", "Pages of this origin may not connect.")
UNKNOWN = (503, "UNAVAILABLE", "AUTHENTICATION_UNAVAILABLE", "The credential cannot be looked up now.")

NOTHING = Respond(200)
"""What a delegate's token gets: an empty answer, and no WebSocket."""


def refusal(
    why: tuple[int, str, str, str], request_id: str, details: Mapping[str, Any] | None = None
) -> Respond:
    """Return a refusal in VoIPBIN's envelope.

    Args:
        why: HTTP status, status, reason and message.
        request_id: uuid of this request.
        details: more of it, for machines.
    """
    status, word, reason, message = why
    error: dict[str, Any] = {"status": word, "reason": reason, "message": message, "request_id": request_id}
    if details is not None:
        error["details"] = dict(details)
    challenge = (_CHALLENGE,) if status == HTTPStatus.UNAUTHORIZED else ()
    return Respond(status, (_JSON, *challenge), json.dumps({"error": error}).encode())
