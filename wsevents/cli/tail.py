"""`wsevents tail`: connects as a client and prints events as they arrive."""

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
    short_help="Print events as they arrive.",
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
    help=f"Token of wazo-auth; '-' reads it from standard input. Default: ${options.TOKEN}. "
    "All users of this machine can see arguments, so prefer another way.",
)
@click.option("--token-file", type=options.FILE, metavar="FILE", help="File with the token.")
@click.option(
    "--event",
    "events",
    metavar="NAME",
    multiple=True,
    default=["*"],
    help="Only events with this name; repeatable.",
)
@click.option(
    "--ca", type=options.FILE, metavar="FILE", help="Trust only the CA certificates in this PEM file."
)
@click.option("--insecure", is_flag=True, help="Accept any certificate; an attacker can get the token.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N events.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), metavar="S", help="End after S seconds.")
@click.option("--once", is_flag=True, help="Do not reconnect when the connection ends.")
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
    """Connect as a client and print the events that a token may see.

    URL is the address of a gateway, or of a wazo-websocketd: wss://HOST:PORT/PATH. Each event is a line with
    its time, its name and its JSON; with --json only the JSON, as published. The state of the connection goes
    to standard error. The command reconnects after delays of up to 32 seconds, unless the reason of the
    failure needs a change.

    If the gateway rejects the token, the command reads --token-file again. With another token it reconnects
    at once. Otherwise it retries after a delay, because the gateway may not have been able to check the
    token.

    \b
    Exit status:
      0  --count events arrived, or --seconds passed
      1  a retry cannot succeed: no token, an untrusted certificate, a wrong address; with --once, the
         connection ended; --seconds passed without a connection, or before --count events arrived
    """
    if ca is not None and insecure:
        raise click.UsageError("--ca and --insecure exclude each other.")
    address, from_url = _address(url)
    first = options.token_from(token if token is not None or token_file else from_url, token_file)
    show = _as_json if as_json else _as_text
    run = TailSession(show=show, count=count, once=once)
    from wsevents.cli.reactor_run import react

    token_source, tls = _token_source(first, token_file), _tls(address, ca, insecure)
    react(lambda reactor: run.go(reactor, address, token_source, events, tls, seconds))
    if not run.succeeded(seconds):
        ctx.exit(PROBLEM)


def _address(url: str) -> tuple[str, str | None]:
    """Return the URL without its token, and the token or None."""
    try:
        parts = urlsplit(url)
        fields = parse_qsl(parts.query)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, fields, host = urlsplit(""), [], None
    if parts.scheme not in {"ws", "wss"} or not host:
        raise click.BadParameter("write it like wss://pbx.example.org:9502/.", param_hint="URL")
    token = next((value for name, value in fields if name == "token"), None)
    query = urlencode([(name, value) for name, value in fields if name != "token"])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")), token


def _token_source(first: str, file: Path | None) -> Callable[[], str]:
    """Return a function that returns the current token."""
    latest = first

    def current() -> str:
        nonlocal latest
        try:
            latest = latest if file is None else options.token_in(file)
        except CommandError as error:  # another program may be writing the file; keep the last token
            note(error.message)
        return latest

    return current


def _tls(address: str, ca: Path | None, insecure: bool) -> Any:
    """Return the TLS options for verifying the certificate; None: with the system's CA certificates."""
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
        show: formats an event as a line.
        count: number of events to end after; None: no limit.
        once: do not reconnect.
        received: number of printed events.
        connected: the client has been connected at least once.
        timed_out: --seconds have passed.
        ending: the command ends the connection, so it prints nothing more.
        failure: error of standard output.
    """

    show: Callable[[dict[str, Any]], str]
    count: int | None
    once: bool
    received: int = 0
    connected: bool = False
    timed_out: bool = False
    ending: bool = False
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
        """Print events until the end. Raises OSError if standard output fails."""
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
        end = None if seconds is None else reactor.callLater(seconds, self._on_timeout, client)
        await client.finished
        if end is not None and end.active():
            end.cancel()
        if self.failure is not None:
            raise self.failure

    def succeeded(self, seconds: float | None) -> bool:
        """Return whether --count events arrived or, without --count, --seconds passed after a connection."""
        if self.count is not None:
            return self.received >= self.count
        return seconds is not None and self.timed_out and self.connected

    def _on_timeout(self, client: WazoClient) -> None:
        self.timed_out = True
        self._end(client)

    def _end(self, client: WazoClient) -> Deferred[ConnectionEnd]:
        self.ending = True
        return client.close()

    def _opened(self, client: WazoClient) -> None:
        self.connected = True
        note(f"connected to {client.address}")

    def _event(self, client: WazoClient, event: dict[str, Any]) -> None:
        if self.ending:
            return
        try:
            say(self.show(event))
        except OSError as error:
            self.failure = error
            self._end(client)
            return
        self.received += 1
        if self.received == self.count:
            self._end(client)

    def _closed(self, client: WazoClient, ending: ConnectionEnd, seconds: float | None) -> None:
        if self.ending:
            return
        if self.once:
            client.close()
            seconds = None
        note(ending.why + _next_attempt(seconds))


def _next_attempt(seconds: float | None) -> str:
    """Return the time of the next attempt, to append to a line; "": no other attempt."""
    if seconds is None:
        return ""
    if not seconds:
        return " (reconnecting at once with another token)"
    return f" (reconnecting in {max(1, round(seconds))} s)"
