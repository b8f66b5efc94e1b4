"""When the gateway checks the token of a Wazo peer again. Times and durations are in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsevents.api.settings import Auth

_OVERDUE_WAIT = 15.0
"""Wait after the authority accepted an expired token: its clock is slower than that of the gateway."""
_SHORT, _SHORT_WAIT = 80.0, 60.0
_LONG, _LONG_WAIT = 57600.0, 43200.0
_FRACTION = 0.75
_EXPIRY_MARGIN = 0.1
"""A check at the expiry is made this much later, so that the token has expired for the authority too."""
RETRY = 15.0
"""Wait after the authority could not be asked."""


def next_check(auth: Auth, now: float, expires: float | None) -> float:
    """Return when to check a valid token again.

    Args:
        auth: has the strategy and its interval.
        now: the time of the last check.
        expires: when the token expires; None: never.
    """
    if auth.check_strategy == "static":
        wait = auth.check_static_interval
        if expires is not None and now < expires < now + wait:
            wait = expires - now + _EXPIRY_MARGIN
        return now + wait
    return now + _dynamic(_LONG_WAIT if expires is None else expires - now, endless=expires is None)


def _dynamic(left: float, *, endless: bool) -> float:
    """Return the wait for a token that is valid for `left` more seconds: shorter near the expiry."""
    if endless or left > _LONG:
        return _LONG_WAIT
    if left <= 0:
        return _OVERDUE_WAIT
    if left <= _SHORT:
        return left + _EXPIRY_MARGIN if left <= _SHORT_WAIT else _SHORT_WAIT
    return float(int(_FRACTION * left))


def next_try(auth: Auth, now: float, expires: float | None) -> float | None:
    """Return when to retry a check that the authority did not answer; None: the token has expired."""
    wait = min(RETRY, auth.check_static_interval) if auth.check_strategy == "static" else RETRY
    if expires is None:
        return now + wait
    if now >= expires:
        return None
    return min(now + wait, expires + _EXPIRY_MARGIN)
