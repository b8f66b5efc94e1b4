"""A JSON object cut at its top level: each value together with the very text that it was sent as.

Two protocols need the text itself: a digest is taken over it, and what is passed on unchanged is cheaper
and truer than what is written anew. Strict as `jsontext`.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from attrs import field, frozen

_BLANK = re.compile(r"[ \t\n\r]*")


@frozen
class Part:
    """One value of an object.

    Attributes:
        value: decoded.
        text: as it stood there, without what is around it.
    """

    value: Any = field(repr=False)
    text: str = field(repr=False)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def parse_parts(text: str) -> dict[str, Part]:
    """Return the parts of the JSON object that `text` holds, by key.

    Raises:
        ValueError: it is not JSON, nested too deep, its root is not an object, or a key of that is there
            twice.
    """
    try:
        return _parts(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _parts(text: str) -> dict[str, Part]:
    at = _expect(text, 0, "{")
    parts: dict[str, Part] = {}
    if text[at : at + 1] == "}":
        return _end(text, at + 1, parts)
    while True:
        key, end = _decode(text, at)
        if not isinstance(key, str):
            raise ValueError("a key is not a string")  # noqa: TRY004 one kind of error for callers
        start = _expect(text, end, ":")
        value, end = _decode(text, start)
        if key in parts:
            raise ValueError("a key is there twice")
        parts[key] = Part(value, text[start:end])
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return _end(text, at + 1, parts)
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    """Return where the blanks end that begin there."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str) -> int:
    """Return where what comes after this mark begins."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"there is no {mark} where one has to be")
    return _skip(text, at + 1)


def _end(text: str, at: int, parts: dict[str, Part]) -> dict[str, Part]:
    if _skip(text, at) != len(text):
        raise ValueError("something follows the object")
    return parts
