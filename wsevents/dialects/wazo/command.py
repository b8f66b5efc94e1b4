"""The commands of a Wazo client: each message is one JSON object. `decode` is the only parser."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from wsevents.api.strict_json import parse_object


class WazoCommandError(Exception):
    """A message is no valid command. The text names the problem and quotes nothing from the message."""


@frozen
class StartCommand:
    """Start to send events."""


@frozen
class SubscribeCommand:
    """Subscribe to the events of this name; "*": to all events."""

    name: str


@frozen
class UnsubscribeCommand:
    """Cancel the subscription to this name."""

    name: str


@frozen
class TokenCommand:
    """Replace the token of the session."""

    token: str = field(repr=False)


@frozen
class PingCommand:
    """Ask for a `pong` with this payload."""

    payload: str


Command = StartCommand | SubscribeCommand | UnsubscribeCommand | TokenCommand | PingCommand

_WITH_DATA: dict[str, tuple[str, type[Any]]] = {
    "subscribe": ("event_name", SubscribeCommand),
    "unsubscribe": ("event_name", UnsubscribeCommand),
    "token": ("token", TokenCommand),
    "ping": ("payload", PingCommand),
}
"""Operation -> its required key in `data`, whose value is a string, and the class of its command."""


def decode(message: str | bytes) -> Command:
    """Return the command in a message from the client.

    Raises:
        WazoCommandError: the message is not a valid command.
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
    return command(value)  # type: ignore[no-any-return]  # the table has only command classes
