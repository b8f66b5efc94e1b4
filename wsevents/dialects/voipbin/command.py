"""The commands of a VoIPBIN client: a JSON object with `type` and `topics`.

`decode` follows VoIPBIN's server: keys are case-insensitive, the last of several equal keys counts,
unknown keys are ignored, and null means that the key is missing. The session ignores invalid messages.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from wsevents.api.strict_json import parse_object


@frozen
class Command:
    """A command.

    Attributes:
        type: "subscribe" or "unsubscribe"; any other type has no effect.
        topics: the topics as sent.
    """

    type: str = ""
    topics: tuple[str, ...] = ()


def decode(message: str) -> Command | None:
    """Return the command in a text message, or None if the message is invalid. Never raises."""
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
