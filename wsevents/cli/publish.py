"""`wsevents publish`: one event on the bus of the configuration."""

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
    "bus.type is {kind}: its events are within the gateway's process, and there is nothing to publish on "
    "from outside; POST /publish of the gateway, and its page, can"
)


class ShortText(click.ParamType[str]):
    """A text that AMQP can carry as a name."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it."""
        text = str(value)
        if not text.strip() or len(text.encode("utf-8", "surrogateescape")) > SHORT_TEXT:
            self.fail(f"must not be empty, nor longer than {SHORT_TEXT} bytes", param, ctx)
        if not text.isprintable():
            self.fail("must be UTF-8 text that can be printed", param, ctx)
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
    "--tenant", type=ShortText(), metavar="UUID", help="Whose it is. Without: only the master tenant sees it."
)
@click.option(
    "--user",
    "users",
    type=ShortText(),
    metavar="UUID",
    multiple=True,
    help="For whom it is; repeatable. Without: for every user of the tenant.",
)
@click.option(
    "--required-acl",
    "required",
    type=ShortText(),
    metavar="ACL",
    help="Who may see it. Default: events.NAME.",
)
@click.option("--no-acl", is_flag=True, help="It requires no ACL (null).")
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
    """Publish one event on the bus, as a phone system does: for trying out who sees it.

    DATA is a JSON object, the `data` of the event; '-': read it from standard input. The event is published
    in the form that the configuration of the gateway expects (`bus.exchange_name`, `bus.exchange_type`), with
    its user of RabbitMQ, which therefore needs permission to write to that exchange. Everybody who listens on
    the exchange gets it, not only the gateway.

    Exit status: 0 once RabbitMQ has confirmed it, 1 if it did not.
    """
    if users and tenant is None:
        raise click.UsageError("--user needs --tenant.")
    if no_acl and required is not None:
        raise click.UsageError("--no-acl and --required-acl do not go together.")
    acl = None if no_acl else required or f"events.{name}"
    happening = NewEvent(name, tenant or "", _object(data), acl, users, name)
    settings = options.load(config)
    message = _message(happening, settings)
    _publish(settings, message)
    if as_json:
        show(message.document())
    else:
        say(f"published on {message.exchange}: {message.body.decode()}")


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object that was given, as an argument or on standard input."""
    try:
        return parse_object(sys.stdin.buffer.read() if text == "-" else text)
    except ValueError as error:
        raise click.BadParameter(f"must be a JSON object: {error}.", param_hint="DATA") from None


@frozen
class _Message:
    """What is published, and where."""

    exchange: str
    key: str
    headers: Mapping[str, Any]
    body: bytes

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "exchange": self.exchange,
            "routing_key": self.key,
            "headers": dict(self.headers),
            "body": parse_object(self.body),
        }


def _message(happening: NewEvent, config: Config) -> _Message:
    """Return an event as the source of the configuration reads it: both kinds of exchange have all of it."""
    now = time.time()
    head = headers(happening, config.origin_uuid, now, time.localtime(now).tm_gmtoff)
    if not happening.tenant:
        head = {key: value for key, value in head.items() if key not in _OF_A_TENANT}
    try:
        payload = body(head, happening.data)
    except (ValueError, RecursionError):
        raise click.BadParameter(
            "holds a number that is too large, or is nested too deep.", param_hint="DATA"
        ) from None
    return _Message(config.bus.exchange_name, happening.key, head, payload)


def _publish(config: Config, message: _Message) -> None:
    """Publish it. Raises Refusal: there is no bus for that; BusError: it did not take it."""
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
