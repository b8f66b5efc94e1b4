"""What a VoIPBIN client may send: an object with `type` and `topics`, read as VoIPBIN's server reads it.

Keys are found whatever their case, the last of several counts, unknown ones are ignored, and null is
as if there were nothing. A message that cannot be read so is ignored.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.api.strict_json import parse_object


@frozen
class Command:
    """What the client says.

    Attributes:
        type: "subscribe", "unsubscribe", or something that means nothing.
        topics: as sent.
    """

    type: str = ""
    topics: tuple[str, ...] = ()


def decode(message: str) -> Command | None:
    """Return the command in a text message, or None if it is none. Never raises."""
    try:
        fields = parse_object(message)
    except ValueError:
        return None
    found: dict[str, Any] = {}
    for name, value in fields.items():
        folded = name.casefold()
        if folded in {"type", "topics"} and value is not None:
            found[folded] = value
    kind, topics = found.get("type", ""), found.get("topics", [])
    if not isinstance(kind, str) or not isinstance(topics, list):
        return None
    if not all(topic is None or isinstance(topic, str) for topic in topics):
        return None
    return Command(kind, tuple(topic or "" for topic in topics))
