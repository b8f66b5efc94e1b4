"""The messages of an app: each is one JSON object with a type, `mt`. `decode` is the only parser.

A reply repeats `src` and `api` of the message, unchanged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from wsevents.core.json_members import Part, parse_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

MT_CHARACTERS = 255
"""Characters of `mt`, at most. The reply to a message with a longer `mt` is `Error`."""


class AppMessageError(Exception):
    """A message is invalid. The text names the problem and quotes nothing from the message."""


@frozen
class AppMessage:
    """A message from an app.

    Attributes:
        mt: the type; "" if it is missing, not a string or too long.
        parts: the values by key, each with its JSON text.
    """

    mt: str
    parts: Mapping[str, Part] = field(repr=False)

    @property
    def echo(self) -> str:
        """The members that a reply repeats: JSON text to append to an object."""
        return "".join(f',"{key}":{self.parts[key].text}' for key in ("api", "src") if key in self.parts)

    @property
    def api(self) -> Any:
        """The API that the message is addressed to; None: no API."""
        return self.value("api")

    def value(self, key: str) -> Any:
        """Return a value, or None if it is missing."""
        part = self.parts.get(key)
        return None if part is None else part.value

    def text(self, key: str) -> str:
        """Return a string; "" if it is missing or null.

        Raises:
            AppMessageError: the value is not a string.
        """
        value = self.value(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise AppMessageError(f"{key} is not a string")
        return value

    def reply(self, mt: str, **fields: Any) -> str:
        """Return a reply to the message, as JSON text."""
        text = json.dumps({"mt": mt} | fields, separators=(",", ":"))
        return f"{text[:-1]}{self.echo}}}"

    def error(self, why: str) -> str:
        """Return the reply that reports an error, as JSON text."""
        return self.reply(f"{self.mt}Result" if self.mt else "Error", error=why)


def decode(message: str | bytes) -> AppMessage:
    """Return the message in a text from the peer.

    Raises:
        AppMessageError: it is binary, or not a JSON object with unique keys.
    """
    if isinstance(message, bytes):
        raise AppMessageError("a binary message")
    try:
        parts = parse_parts(message)
    except ValueError:
        raise AppMessageError("not a JSON object with each key once") from None
    mt = parts["mt"].value if "mt" in parts else None
    return AppMessage(mt if isinstance(mt, str) and len(mt) <= MT_CHARACTERS else "", parts)
