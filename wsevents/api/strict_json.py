"""Strict JSON: the syntax that a browser's JSON.parse accepts, with an object at the root.

Python's reader is more lenient than RFC 8259: it accepts NaN and detects UTF-16. It raises RecursionError
for deep nesting. `parse_object` accepts RFC 8259 in UTF-8 only and raises only `ValueError`.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object from `text` (bytes: UTF-8).

    Raises:
        ValueError: the text is not UTF-8, not JSON, nested too deep, or its root is not an object.
    """
    try:
        value = _decode(text if isinstance(text, str) else text.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("the root is not an object")  # noqa: TRY004 one kind of error for callers
    return value
