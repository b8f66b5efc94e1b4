"""`wsevents publish`: publishes one event on the configured bus."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from wsevents.api.settings import SHORT_TEXT
from wsevents.api.strict_json import parse_object
from wsevents.cli import options
from wsevents.cli.output import CommandError, say, show
from wsevents.core.wazo_publication import NewEvent, body, headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wsevents.api.settings import Config

_OF_A_TENANT = ("tenant_uuid", "user_uuid:*")
_MEMORY = (
    "bus.type is {kind}: the bus is within the gateway's process, so the command cannot publish on it; "
    "use POST /publish of the gateway, or its page"
)


class ShortText(click.ParamType[str]):
    """A text that fits into an AMQP short string."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not text.strip() or len(text.encode("utf-8", "surrogateescape")) > SHORT_TEXT:
            self.fail(f"must not be empty or longer than {SHORT_TEXT} bytes", param, ctx)
        if not text.isprintable():
            self.fail("must be UTF-8 text without control characters", param, ctx)
        return text


@click.command(
    short_help="Publish an event.",
    epilog=options.examples(
        'wsevents publish call_created \'{"call_id": "1"}\' --tenant 29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3',
        "wsevents publish note --tenant 29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3 \\",
        "    --user 7f523550-03cf-4dac-a858-cb8afdb34775 --required-acl events.notes",
        "jq . note.json | wsevents publish note - --tenant 29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3",
    ),
)
@click.argument("name", type=ShortText())
@click.argument("data", default="{}")
@click.option(
    "--tenant",
    type=ShortText(),
    metavar="UUID",
    help="Tenant of the event. Without this option only the master tenant sees it.",
)
@click.option(
    "--user",
    "users",
    type=ShortText(),
    metavar="UUID",
    multiple=True,
    help="User that the event is for; repeatable. Default: every user of the tenant.",
)
@click.option(
    "--required-acl",
    "required",
    type=ShortText(),
    metavar="ACL",
    help="ACL that a token needs to see the event. Default: events.NAME.",
)
@click.option("--no-acl", is_flag=True, help="The event requires no ACL (null).")
@options.config
@options.as_json
def publish(
    name: str,
    data: str,
    tenant: str | None,
    users: tuple[str, ...],
    required: str | None,
    no_acl: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Publish one event on the bus, for example to test which clients see it.

    DATA is a JSON object, the `data` of the event; '-' reads it from standard input. The command publishes to
    the configured exchange (`bus.exchange_name`, `bus.exchange_type`) as the gateway's RabbitMQ user, which
    needs write permission on the exchange. All consumers of the exchange receive the event, not only the
    gateway.

    Exit status: 0 if RabbitMQ has confirmed the event, 1 if not.
    """
    if users and tenant is None:
        raise click.UsageError("--user needs --tenant.")
    if no_acl and required is not None:
        raise click.UsageError("--no-acl and --required-acl exclude each other.")
    acl = None if no_acl else required or f"events.{name}"
    event = NewEvent(name, tenant or "", _object(data), acl, users, name)
    settings = options.load(config)
    message = _message(event, settings)
    _publish(settings, message)
    if as_json:
        show(message.document())
    else:
        say(f"published on {message.exchange}: {message.body.decode()}")


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object of the argument, or of standard input."""
    try:
        return parse_object(sys.stdin.buffer.read() if text == "-" else text)
    except ValueError as error:
        raise click.BadParameter(f"must be a JSON object: {error}.", param_hint="DATA") from None


@frozen
class _Message:
    """The message to publish, with exchange and routing key."""

    exchange: str
    key: str
    headers: Mapping[str, Any]
    body: bytes

    def document(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        return {
            "exchange": self.exchange,
            "routing_key": self.key,
            "headers": dict(self.headers),
            "body": parse_object(self.body),
        }


def _message(event: NewEvent, config: Config) -> _Message:
    """Return the message of an event; it suits both types of exchange."""
    now = time.time()
    head = headers(event, config.origin_uuid, now, time.localtime(now).tm_gmtoff)
    if not event.tenant:
        head = {key: value for key, value in head.items() if key not in _OF_A_TENANT}
    try:
        payload = body(head, event.data)
    except (ValueError, RecursionError):
        raise click.BadParameter(
            "contains a number that is too large, or is nested too deep.", param_hint="DATA"
        ) from None
    return _Message(config.bus.exchange_name, event.key, head, payload)


def _publish(config: Config, message: _Message) -> None:
    """Publish the message.

    Raises:
        CommandError: the bus is within the gateway's process.
        BusError: the broker did not confirm the message.
    """
    from wsevents.cli.reactor_run import react
    from wsevents.config.plugins import Plugins

    kind = Plugins().bus(config.bus.type)
    if kind.private:
        raise CommandError(_MEMORY.format(kind=config.bus.type))

    async def work(reactor: Any) -> None:
        from twisted.internet.defer import maybeDeferred

        bus = kind.create(config.bus, reactor)
        try:
            await bus.publish(message.exchange, message.key, message.headers, message.body)
        finally:
            await maybeDeferred(bus.stopService)

    react(work)
