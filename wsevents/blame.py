"""Where something failed, for the log: kind and place, but never the text, which might hold a token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_FRAMES = 6


def blame(failure: Failure) -> str:
    """Return the kind of a failure and the places it passed through, innermost first."""
    kind = failure.type.__name__ if failure.type else "?"
    places = [f"{Path(frame[1]).name}:{frame[2]}" for frame in reversed(failure.frames)]
    return f"{kind} at {' < '.join(places[:_FRAMES]) or '?'}"
