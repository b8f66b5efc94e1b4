"""`wsevents sessions`: lists open or closed sessions."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import click

from wsevents.cli import options
from wsevents.cli.output import printable, say, show
from wsevents.cli.table import Column, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_UUID = 8
"""Minimum characters of a shortened uuid."""
_PEER = (
    Column("ID"),
    Column("DIALECT"),
    Column("USER", _UUID),
    Column("TENANT", _UUID, spare=True),
    Column("ADDRESS", 15),
)
_OPEN = (
    Column("AGE", right=True),
    Column("EVENTS", right=True),
    Column("QUEUED", right=True),
    Column("SUBSCRIBED", 5, spare=True),
)
_CLOSED = (
    Column("AGO", right=True),
    Column("LASTED", right=True),
    Column("CODE", right=True),
    Column("REASON", 12),
)
_SPANS = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))


@click.command(
    short_help="List open or closed sessions.",
    epilog=options.examples(
        "wsevents sessions",
        "wsevents sessions --user 7f523550-03cf-4dac-a858-cb8afdb34775",
        "wsevents sessions --closed --tenant 29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3",
        "wsevents sessions --json | jq '.sessions[] | select(.behind)'",
    ),
)
@click.option("--user", metavar="UUID", help="Only sessions of this user.")
@click.option("--tenant", metavar="UUID", help="Only sessions of this tenant.")
@click.option("--dialect", type=options.DialectName(), metavar="NAME", help="Only sessions of this dialect.")
@click.option(
    "--closed", is_flag=True, help="List the latest closed sessions, with close code and reason; newest last."
)
@options.as_json
@options.listener
def sessions(
    user: str | None,
    tenant: str | None,
    dialect: str | None,
    closed: bool,
    as_json: bool,
    url: str | None,
    config: Path,
) -> None:
    """List the open sessions of the gateway.

    The table fits the width of the terminal. EVENTS is the number of delivered events. QUEUED is the number
    of bytes that wait for the peer to read; "!" marks a slow reader. SUBSCRIBED has the subscriptions. --json
    prints all data.

    Exit status: 0, even if there are no sessions; 1 if the gateway does not answer.
    """
    from wsevents.cli.admin_client import find

    answer = find(url, config).get("/sessions", {"user": user, "tenant": tenant, "dialect": dialect})
    key = "closed" if closed else "sessions"
    found = answer.get(key, [])
    if as_json:
        show({key: found})
        return
    now = time.time()
    rows = [
        [*_peer_cells(one), *(_closed_cells(one, now) if closed else _open_cells(one, now))] for one in found
    ]
    for line in table(
        (*_PEER, *(_CLOSED if closed else _OPEN)), rows, shutil.get_terminal_size((120, 24)).columns
    ):
        say(line)


def _peer_cells(one: Mapping[str, Any]) -> list[str]:
    return [_text(one.get(key)) for key in ("id", "dialect", "user", "tenant", "address")]


def _open_cells(one: Mapping[str, Any], now: float) -> list[str]:
    subscriptions = one.get("subscriptions") or []
    return [
        span(now - _number(one.get("since"))),
        _text(one.get("delivered")),
        f"{_text(one.get('queue'))}{'!' if one.get('behind') else ''}",
        printable(" ".join(str(name) for name in subscriptions)) or "-",
    ]


def _closed_cells(one: Mapping[str, Any], now: float) -> list[str]:
    ended = _number(one.get("closed"))
    return [
        span(now - ended),
        span(ended - _number(one.get("since"))),
        _text(one.get("code")),
        printable(" ".join(str(one[key]) for key in ("meaning", "why") if one.get(key))) or "-",
    ]


def span(seconds: float) -> str:
    """Return a duration in its two largest units, such as `2h05m`."""
    left = max(0, int(seconds))
    for size, name, part, unit in _SPANS:
        if left >= size:
            return f"{left // size}{name}{left % size // part:02d}{unit}"
    return f"{left}s"


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else printable(str(value))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
