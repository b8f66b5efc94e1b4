"""What an app may send: one JSON object a message, decoded here and nowhere else.

A message has a type, `mt`; `src` and `api`, whatever they are, go back with the answer as they came.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from wsevents.core.json_members import Part, parse_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

MT_CHARACTERS = 255
"""Of a message type that is answered by name."""


class AppMessageError(Exception):
    """The message is not what it should be; the text says what is wrong and quotes nothing of it."""


@frozen
class AppMessage:
    """A message from an app.

    Attributes:
        mt: its type; "" if it has none that could be answered by name.
        parts: its values, by key.
    """

    mt: str
    parts: Mapping[str, Part] = field(repr=False)

    @property
    def echo(self) -> str:
        """What of it goes back with the answer: the end of a JSON object."""
        return "".join(f',"{key}":{self.parts[key].text}' for key in ("api", "src") if key in self.parts)

    @property
    def api(self) -> Any:
        """What it is addressed to; None: nothing in particular."""
        return self.value("api")

    def value(self, key: str) -> Any:
        """Return a value, or None if it is missing."""
        part = self.parts.get(key)
        return None if part is None else part.value

    def text(self, key: str) -> str:
        """Return a text; "" if it is missing or null.

        Raises:
            Mistake: it is something else.
        """
        value = self.value(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise AppMessageError(f"{key} is not a string")
        return value

    def reply(self, mt: str, **fields: Any) -> str:
        """Return an answer to it."""
        text = json.dumps({"mt": mt} | fields, separators=(",", ":"))
        return f"{text[:-1]}{self.echo}}}"

    def error(self, why: str) -> str:
        """Return the answer that says what is wrong."""
        return self.reply(f"{self.mt}Result" if self.mt else "Error", error=why)


def decode(message: str | bytes) -> AppMessage:
    """Return the message of a peer.

    Raises:
        Mistake: it is none.
    """
    if isinstance(message, bytes):
        raise AppMessageError("a binary message")
    try:
        parts = parse_parts(message)
    except ValueError:
        raise AppMessageError("not a JSON object with each key once") from None
    mt = parts["mt"].value if "mt" in parts else None
    return AppMessage(mt if isinstance(mt, str) and len(mt) <= MT_CHARACTERS else "", parts)
