"""Parse a JSON object and keep the source text of each member.

A digest over a member needs its exact text. A member that is passed on unchanged needs no new serialisation.
The syntax is as strict as that of `wsevents.api.strict_json`.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from attrs import field, frozen

_BLANK = re.compile(r"[ \t\n\r]*")


@frozen
class Part:
    """The value of one member.

    Attributes:
        value: the decoded value.
        text: its source text, without surrounding white space.
    """

    value: Any = field(repr=False)
    text: str = field(repr=False)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def parse_parts(text: str) -> dict[str, Part]:
    """Parse a JSON object; return its members by key.

    Raises:
        ValueError: the text is not JSON, nested too deep, its root is not an object, or the object has a key
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
            raise ValueError("a key occurs twice")
        parts[key] = Part(value, text[start:end])
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return _end(text, at + 1, parts)
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    """Return the position after the white space at this position."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str) -> int:
    """Return the position of the first character after this mark and white space."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark} is missing")
    return _skip(text, at + 1)


def _end(text: str, at: int, parts: dict[str, Part]) -> dict[str, Part]:
    if _skip(text, at) != len(text):
        raise ValueError("text follows the object")
    return parts
