"""Strict JSON: what a browser's JSON.parse would take, and an object at the root.

Python's own reader is more lenient than RFC 8259 (it takes NaN, and guesses UTF-16), and
raises RecursionError on deep nesting. Nothing that a peer or a publisher sends may get through
or raise anything but `ValueError`.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Return the JSON object that `text` (UTF-8 if bytes) holds.

    Raises:
        ValueError: it is not UTF-8, not JSON, nested too deep, or its root is not an object.
    """
    try:
        value = _decode(text if isinstance(text, str) else text.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("the root is not an object")  # noqa: TRY004 one kind of error for callers
    return value
