"""Describe failures for the log by type and location, without texts that might hold a token."""

from __future__ import annotations

from linecache import getline
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_MAX_FRAMES = 6
_SAFE_TYPES = (OSError, AttributeError, TypeError, NameError, ImportError, ArithmeticError, MemoryError)
"""Exceptions whose texts describe the program and the system, and quote no data of a peer."""


def safe_location(failure: Failure) -> str:
    """Return the type of a failure and the file and line of each frame, innermost first."""
    kind = failure.type.__name__ if failure.type else "?"
    frames = [f"{Path(frame[1]).name}:{frame[2]}" for frame in reversed(failure.frames)]
    return f"{kind} at {' < '.join(frames[:_MAX_FRAMES]) or '?'}"


def redacted_traceback(failure: Failure) -> str:
    """Return the traceback of a failure, without the values of variables.

    The text of the exception is included only for `_SAFE_TYPES`. Other exceptions, such as those of parsers,
    often quote their input, which may hold a token.
    """
    lines = ["Traceback (most recent call last):"]
    for name, file, number, *_ in failure.frames:
        lines += [f'  File "{file}", line {number}, in {name}', f"    {getline(file, number).strip()}"]
    kind = f"{failure.type.__module__}.{failure.type.__qualname__}" if failure.type else "?"
    text = isinstance(failure.value, _SAFE_TYPES) and str(failure.value)
    return "\n".join([*lines, f"{kind}: {text}" if text else kind])
