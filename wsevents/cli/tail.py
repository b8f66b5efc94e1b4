"""`wsevents tail`: events as they come, as a client of the gateway hears them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import click
from attrs import define, field

from wsevents.cli import options
from wsevents.cli.output import PROBLEM, CommandError, note, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.internet.defer import Deferred

    from wsevents.client.appwebsocket_connection import ConnectionEnd
    from wsevents.client.wazo import WazoClient


@click.command(
    short_help="Print events as they come.",
    epilog=options.examples(
        "wsevents tail wss://pbx.example.org:9502/ --token-file ~/.wsevents-token",
        "WSEVENTS_TOKEN=… wsevents tail wss://pbx.example.org/api/websocketd/ --event call_created",
        "wsevents tail wss://localhost:9502/ --insecure --json --count 10 | jq .data",
        "wsevents tail wss://pbx.example.org:9502/ --event user_status_updated --count 1 --seconds 60",
    ),
)
@click.argument("url")
@click.option(
    "--token",
    metavar="TOKEN",
    help=f"Token of wazo-auth; '-': read it from standard input. Default: ${options.TOKEN}. "
    "Others on this machine can see arguments, so prefer one of the other ways.",
)
@click.option("--token-file", type=options.FILE, metavar="FILE", help="File that holds the token.")
@click.option(
    "--event",
    "events",
    metavar="NAME",
    multiple=True,
    default=["*"],
    help="Only events of this name; repeatable.",
)
@click.option(
    "--ca", type=options.FILE, metavar="FILE", help="Trust the CA certificates in this PEM file alone."
)
@click.option("--insecure", is_flag=True, help="Trust any certificate: the token may go to anybody.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many events.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), metavar="S", help="End after so long.")
@click.option("--once", is_flag=True, help="Do not connect again when the connection ends.")
@options.as_json
@click.pass_context
def tail(
    ctx: click.Context,
    url: str,
    token: str | None,
    token_file: Path | None,
    events: tuple[str, ...],
    ca: Path | None,
    insecure: bool,
    count: int | None,
    seconds: float | None,
    once: bool,
    as_json: bool,
) -> None:
    """Print the events that a token sees, as they come.

    URL is that of a gateway (or of a wazo-websocketd): wss://HOST:PORT/PATH. Each event is a line: time,
    name, and the event as JSON; with --json a JSON object alone, as it was published. What goes on besides
    is told on standard error. A connection that is lost is made anew, after pauses of up to 32 seconds; so
    is one that cannot be made, as long as waiting may help.

    When the gateway does not accept the token, tail reads --token-file again. With another token it connects
    at once. Else it retries after a pause, because the gateway may not have been able to check the token.

    \b
    Exit status:
      0  --count events came, or --seconds have passed
      1  there is no point in going on: no token, an untrusted certificate, a wrong address, or, with
         --once, any end; or --seconds passed without a connection, or before --count events came
    """
    if ca is not None and insecure:
        raise click.UsageError("--ca and --insecure do not go together.")
    address, shown = _address(url)
    first = options.token_from(token if token is not None or token_file else shown, token_file)
    show = _as_json if as_json else _as_text
    run = TailSession(show=show, count=count, once=once)
    from wsevents.cli.reactor_run import react

    source, tls = _source(first, token_file), _tls(address, ca, insecure)
    react(lambda reactor: run.go(reactor, address, source, events, tls, seconds))
    if not run.content(seconds):
        ctx.exit(PROBLEM)


def _address(url: str) -> tuple[str, str | None]:
    """Return the URL without a token, and the token it had."""
    try:
        parts = urlsplit(url)
        fields = parse_qsl(parts.query)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, fields, host = urlsplit(""), [], None
    if parts.scheme not in {"ws", "wss"} or not host:
        raise click.BadParameter("write it like wss://pbx.example.org:9502/.", param_hint="URL")
    shown = next((value for name, value in fields if name == "token"), None)
    query = urlencode([(name, value) for name, value in fields if name != "token"])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")), shown


def _source(first: str, file: Path | None) -> Callable[[], str]:
    """Return what gives the token that counts now."""
    latest = first

    def current() -> str:
        nonlocal latest
        try:
            latest = latest if file is None else options.token_in(file)
        except CommandError as refusal:  # it is just being written, perhaps
            note(refusal.message)
        return latest

    return current


def _tls(address: str, ca: Path | None, insecure: bool) -> Any:
    """Return how the gateway's certificate is verified; None: by the system's CA certificates."""
    from wsevents.endpoints.tls_client import tls_for, trust_in

    host = urlsplit(address).hostname or ""
    try:
        if insecure:
            return tls_for(host, None, verify=False)
        return None if ca is None else tls_for(host, trust_in(str(ca)), verify=True)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _as_json(event: dict[str, Any]) -> str:
    return json.dumps(event)


def _as_text(event: dict[str, Any]) -> str:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"{time.strftime('%H:%M:%S')}  {event.get('name', '-')}  {text}"


@define
class TailSession:
    """One run of `tail`.

    Attributes:
        show: an event as a line.
        count: events to end after.
        once: do not connect again.
        heard: events so far.
        connected: events have begun at least once.
        timely: all the seconds have passed.
        quiet: it is ending, and nobody wants to hear how.
        failure: what went wrong with printing.
    """

    show: Callable[[dict[str, Any]], str]
    count: int | None
    once: bool
    heard: int = 0
    connected: bool = False
    timely: bool = False
    quiet: bool = False
    failure: OSError | None = field(default=None)

    async def go(
        self,
        reactor: Any,
        address: str,
        token: Callable[[], str],
        events: tuple[str, ...],
        tls: Any,
        seconds: float | None,
    ) -> None:
        """Print events until it ends. Raises OSError: they cannot be printed."""
        from wsevents.client.wazo import WazoClient

        try:
            client = WazoClient(address, token, events, reactor=reactor, tls=tls)
        except ValueError as error:
            raise CommandError(str(error)) from None
        client.on_open(self._opened)
        client.on_event(self._event)
        client.on_close(self._closed)
        client.start()
        reactor.addSystemEventTrigger("before", "shutdown", self._end, client)
        end = None if seconds is None else reactor.callLater(seconds, self._enough, client)
        await client.finished
        if end is not None and end.active():
            end.cancel()
        if self.failure is not None:
            raise self.failure

    def content(self, seconds: float | None) -> bool:
        """Say whether what was wanted has come."""
        if self.count is not None:
            return self.heard >= self.count
        return seconds is not None and self.timely and self.connected

    def _enough(self, client: WazoClient) -> None:
        self.timely = True
        self._end(client)

    def _end(self, client: WazoClient) -> Deferred[ConnectionEnd]:
        self.quiet = True
        return client.close()

    def _opened(self, client: WazoClient) -> None:
        self.connected = True
        note(f"connected to {client.address}")

    def _event(self, client: WazoClient, event: dict[str, Any]) -> None:
        if self.quiet:
            return
        try:
            say(self.show(event))
        except OSError as error:
            self.failure = error
            self._end(client)
            return
        self.heard += 1
        if self.heard == self.count:
            self._end(client)

    def _closed(self, client: WazoClient, ending: ConnectionEnd, seconds: float | None) -> None:
        if self.quiet:
            return
        if self.once:
            client.close()
            seconds = None
        note(ending.why + _next_attempt(seconds))


def _next_attempt(seconds: float | None) -> str:
    """Return when the client tries again, to add to a line; "": it does not."""
    if seconds is None:
        return ""
    return f" (again in {max(1, round(seconds))} s)" if seconds else " (again at once with another token)"
