"""The HTTP responses to requests that the gateway does not upgrade, in VoIPBIN's format."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wsevents.api.effects import Respond

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON = ("Content-Type", "application/json; charset=utf-8")
_CHALLENGE = ("WWW-Authenticate", "Bearer")  # RFC 9110 section 15.5.2 requires it with 401

MISSING = (401, "UNAUTHENTICATED", "AUTHENTICATION_REQUIRED", "No credential was given.")
INVALID = (401, "UNAUTHENTICATED", "INVALID_CREDENTIALS", "The credential is not valid, or not any more.")
FROZEN = (403, "PERMISSION_DENIED", "ACCOUNT_FROZEN", "The account is frozen.")
FOREIGN = (403, "PERMISSION_DENIED", "ORIGIN_NOT_ALLOWED", "Pages of this origin may not connect.")
UNKNOWN = (503, "UNAVAILABLE", "AUTHENTICATION_UNAVAILABLE", "The credential cannot be looked up now.")

EMPTY = Respond(200)
"""The response to the token of a delegate: empty, and without a WebSocket."""


def refusal(
    why: tuple[int, str, str, str], request_id: str, details: Mapping[str, Any] | None = None
) -> Respond:
    """Return an error response.

    Args:
        why: HTTP status, VoIPBIN's status, reason and message.
        request_id: uuid of this request.
        details: additional data for programs; None: the response has no `details`.
    """
    status, name, reason, message = why
    error: dict[str, Any] = {"status": name, "reason": reason, "message": message, "request_id": request_id}
    if details is not None:
        error["details"] = dict(details)
    challenge = (_CHALLENGE,) if status == HTTPStatus.UNAUTHORIZED else ()
    return Respond(status, (_JSON, *challenge), json.dumps({"error": error}).encode())
