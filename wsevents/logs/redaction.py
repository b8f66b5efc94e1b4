"""Where something failed, for the log: kind and place, but never the text, which might hold a token."""

from __future__ import annotations

from linecache import getline
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_FRAMES = 6
_TELLING = (OSError, AttributeError, TypeError, NameError, ImportError, ArithmeticError, MemoryError)
"""Exceptions whose texts speak of the program and the system, not of what a peer has sent."""


def safe_location(failure: Failure) -> str:
    """Return the kind of a failure and the places it passed through, innermost first."""
    kind = failure.type.__name__ if failure.type else "?"
    places = [f"{Path(frame[1]).name}:{frame[2]}" for frame in reversed(failure.frames)]
    return f"{kind} at {' < '.join(places[:_FRAMES]) or '?'}"


def redacted_traceback(failure: Failure) -> str:
    """Return the traceback of a failure, without the values of variables.

    The text of an exception is left out too, unless it is of a kind that quotes no data: what cannot be
    read is often quoted, and it may hold a token.
    """
    lines = ["Traceback (most recent call last):"]
    for name, file, number, *_ in failure.frames:
        lines += [f'  File "{file}", line {number}, in {name}', f"    {getline(file, number).strip()}"]
    kind = f"{failure.type.__module__}.{failure.type.__qualname__}" if failure.type else "?"
    told = isinstance(failure.value, _TELLING) and str(failure.value)
    return "\n".join([*lines, f"{kind}: {told}" if told else kind])
