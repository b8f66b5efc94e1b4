"""What a Wazo client may send: one JSON object a message, decoded here and nowhere else."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from wsevents.api.strict_json import parse_object


class WazoCommandError(Exception):
    """The message is not one of the protocol; the text says what is wrong and quotes nothing of it."""


@frozen
class StartCommand:
    """Begin to send events."""


@frozen
class SubscribeCommand:
    """Send events of this name too; "*": of every name."""

    name: str


@frozen
class UnsubscribeCommand:
    """Send events of this name no more."""

    name: str


@frozen
class TokenCommand:
    """Go on with this token in place of the last one."""

    token: str = field(repr=False)


@frozen
class PingCommand:
    """Answer with this payload."""

    payload: str


Command = StartCommand | SubscribeCommand | UnsubscribeCommand | TokenCommand | PingCommand

_WITH_DATA: dict[str, tuple[str, type[Any]]] = {
    "subscribe": ("event_name", SubscribeCommand),
    "unsubscribe": ("event_name", UnsubscribeCommand),
    "token": ("token", TokenCommand),
    "ping": ("payload", PingCommand),
}
"""Operation -> the one key of `data` that it needs, a string, and what it becomes."""


def decode(message: str | bytes) -> Command:
    """Return the command in a message from the client.

    Raises:
        Mistake: it holds none.
    """
    if isinstance(message, bytes):
        raise WazoCommandError("a binary message")
    try:
        fields = parse_object(message)
    except ValueError:
        raise WazoCommandError("not a JSON object") from None
    operation = fields.get("op")
    if operation == "start":
        return StartCommand()
    if not isinstance(operation, str) or operation not in _WITH_DATA:
        raise WazoCommandError("no op, or an unknown one")
    key, command = _WITH_DATA[operation]
    data = fields.get("data")
    if not isinstance(data, dict):
        raise WazoCommandError(f"{operation}: data is missing or not an object")
    value = data.get(key)
    if not isinstance(value, str):
        raise WazoCommandError(f"{operation}: data.{key} is missing or not a string")
    return command(value)  # type: ignore[no-any-return]  # the table holds commands only
