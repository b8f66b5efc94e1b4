"""What a Wazo client may send: one JSON object a message, decoded here and nowhere else."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from wsevents.jsontext import parse_object


class Mistake(Exception):  # noqa: N818 it is the client's, not ours
    """The message is not one of the protocol; the text says what is wrong and quotes nothing of it."""


@frozen
class Start:
    """Begin to send events."""


@frozen
class Subscribe:
    """Send events of this name too; "*": of every name."""

    name: str


@frozen
class Unsubscribe:
    """Send events of this name no more."""

    name: str


@frozen
class Renew:
    """Go on with this token in place of the last one."""

    token: str = field(repr=False)


@frozen
class Ping:
    """Answer with this payload."""

    payload: str


Command = Start | Subscribe | Unsubscribe | Renew | Ping

_WITH_DATA: dict[str, tuple[str, type[Any]]] = {
    "subscribe": ("event_name", Subscribe),
    "unsubscribe": ("event_name", Unsubscribe),
    "token": ("token", Renew),
    "ping": ("payload", Ping),
}
"""Operation -> the one key of `data` that it needs, a string, and what it becomes."""


def decode(message: str | bytes) -> Command:
    """Return the command in a message from the client.

    Raises:
        Mistake: it holds none.
    """
    if isinstance(message, bytes):
        raise Mistake("a binary message")
    try:
        fields = parse_object(message)
    except ValueError:
        raise Mistake("not a JSON object") from None
    operation = fields.get("op")
    if operation == "start":
        return Start()
    if not isinstance(operation, str) or operation not in _WITH_DATA:
        raise Mistake("no op, or an unknown one")
    key, command = _WITH_DATA[operation]
    data = fields.get("data")
    if not isinstance(data, dict):
        raise Mistake(f"{operation}: data is missing or not an object")
    value = data.get(key)
    if not isinstance(value, str):
        raise Mistake(f"{operation}: data.{key} is missing or not a string")
    return command(value)  # type: ignore[no-any-return]  # the table holds commands only
