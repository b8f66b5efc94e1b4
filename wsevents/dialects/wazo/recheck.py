"""When a Wazo peer's token is looked at again. Pure arithmetic, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsevents.api.settings import Auth

_OVERDUE = 15.0
"""The authority still takes a token that should have ended: its clock is behind ours."""
_SHORT, _SHORT_WAIT = 80.0, 60.0
_LONG, _LONG_WAIT = 57600.0, 43200.0
_FRACTION = 0.75
_LANDING = 0.1
"""A check that is meant for the moment of expiry comes this much later, when the authority knows too."""
RETRY = 15.0
"""The authority could not be asked."""


def next_check(auth: Auth, now: float, expires: float | None) -> float:
    """Return when to look at a token again that is good now and ends at `expires`."""
    if auth.check_strategy == "static":
        wait = auth.check_static_interval
        if expires is not None and now < expires < now + wait:
            wait = expires - now + _LANDING
        return now + wait
    return now + _dynamic(_LONG_WAIT if expires is None else expires - now, endless=expires is None)


def _dynamic(left: float, *, endless: bool) -> float:
    """Return the wait for a token with so many seconds left: the closer its end, the shorter."""
    if endless or left > _LONG:
        return _LONG_WAIT
    if left <= 0:
        return _OVERDUE
    if left <= _SHORT:
        return left + _LANDING if left <= _SHORT_WAIT else _SHORT_WAIT
    return float(int(_FRACTION * left))


def next_try(auth: Auth, now: float, expires: float | None) -> float | None:
    """Return when to ask again an authority that could not be asked; None: the token has ended meanwhile."""
    wait = min(RETRY, auth.check_static_interval) if auth.check_strategy == "static" else RETRY
    if expires is None:
        return now + wait
    if now >= expires:
        return None
    return min(now + wait, expires + _LANDING)
