"""Uuids as VoIPBIN reads them, and as it writes them."""

from __future__ import annotations

import re

NIL = "00000000-0000-0000-0000-000000000000"
"""The uuid that stands for none."""

_HEX = "[0-9a-f]"
_CANONICAL = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_FORM = re.compile(
    rf"({_CANONICAL}|{_HEX}{{32}})|\{{({_CANONICAL}|{_HEX}{{32}})\}}", re.IGNORECASE | re.ASCII
)


def canonical(text: object) -> str | None:
    """Return a uuid as it is written, in lower case with dashes, or None if it is none, or the nil uuid.

    It is read in its canonical form, as 32 digits, and either of them in braces.
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
