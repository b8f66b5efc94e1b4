"""Uuids: the forms that VoIPBIN accepts, and the form that it writes."""

from __future__ import annotations

import re

NIL = "00000000-0000-0000-0000-000000000000"
"""The nil uuid (RFC 9562 section 5.9), which means: no value."""

_HEX = "[0-9a-f]"
_CANONICAL = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_FORM = re.compile(
    rf"({_CANONICAL}|{_HEX}{{32}})|\{{({_CANONICAL}|{_HEX}{{32}})\}}", re.IGNORECASE | re.ASCII
)


def canonical(text: object) -> str | None:
    """Return a uuid in canonical form: lower case with dashes. None: not a uuid, or the nil uuid.

    Accepted are the canonical form in any case and 32 hexadecimal digits, with or without braces.
    """
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    uuid = written(int((match[1] or match[2]).replace("-", ""), 16))
    return None if uuid == NIL else uuid


def written(number: int) -> str:
    """Return 128 bits as a uuid, in its canonical form (RFC 9562 section 4)."""
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
