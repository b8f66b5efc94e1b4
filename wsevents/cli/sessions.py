"""`wsevents sessions`: who is connected, or was."""

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
"""Characters of a uuid that are enough to tell it from others at a glance."""
_WHO = (
    Column("ID"),
    Column("DIALECT"),
    Column("USER", _UUID),
    Column("TENANT", _UUID, spare=True),
    Column("ADDRESS", 15),
)
_NOW = (
    Column("FOR", right=True),
    Column("EVENTS", right=True),
    Column("WAITS", right=True),
    Column("WANTS", 5, spare=True),
)
_THEN = (
    Column("AGO", right=True),
    Column("LASTED", right=True),
    Column("CODE", right=True),
    Column("WHY", 12),
)
_SPANS = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))


@click.command(
    short_help="Show who is connected, or was.",
    epilog=options.examples(
        "wsevents sessions",
        "wsevents sessions --user 7f523550-03cf-4dac-a858-cb8afdb34775",
        "wsevents sessions --closed --tenant 29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3",
        "wsevents sessions --json | jq '.sessions[] | select(.behind)'",
    ),
)
@click.option("--user", metavar="UUID", help="Only this user's.")
@click.option("--tenant", metavar="UUID", help="Only this tenant's.")
@click.option("--dialect", type=options.DialectName(), metavar="NAME", help="Only those who speak this.")
@click.option(
    "--closed", is_flag=True, help="Show the last that have ended instead, the newest last, and why."
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
    """Show who is connected to the gateway, since when, and what waits for them.

    A table as wide as the terminal: EVENTS were delivered, WAITS are bytes that the peer has yet to read
    (with "!" while it is behind), WANTS is what it has subscribed to. With --json all there is, whole.

    Exit status: 0, also if there is nobody; 1 if the gateway cannot be asked.
    """
    from wsevents.cli.admin_client import find

    answer = find(url, config).get("/sessions", {"user": user, "tenant": tenant, "dialect": dialect})
    key = "closed" if closed else "sessions"
    found = answer.get(key, [])
    if as_json:
        show({key: found})
        return
    now = time.time()
    rows = [[*_who(one), *(_then(one, now) if closed else _now(one, now))] for one in found]
    for line in table(
        (*_WHO, *(_THEN if closed else _NOW)), rows, shutil.get_terminal_size((120, 24)).columns
    ):
        say(line)


def _who(one: Mapping[str, Any]) -> list[str]:
    return [_text(one.get(key)) for key in ("id", "dialect", "user", "tenant", "address")]


def _now(one: Mapping[str, Any], now: float) -> list[str]:
    wants = one.get("subscriptions") or []
    return [
        span(now - _number(one.get("since"))),
        _text(one.get("delivered")),
        f"{_text(one.get('queue'))}{'!' if one.get('behind') else ''}",
        printable(" ".join(str(want) for want in wants)) or "-",
    ]


def _then(one: Mapping[str, Any], now: float) -> list[str]:
    ended = _number(one.get("closed"))
    return [
        span(now - ended),
        span(ended - _number(one.get("since"))),
        _text(one.get("code")),
        printable(" ".join(str(one[key]) for key in ("meaning", "why") if one.get(key))) or "-",
    ]


def span(seconds: float) -> str:
    """Return a duration in its two greatest units, as in `2h05m`."""
    left = max(0, int(seconds))
    for size, name, part, unit in _SPANS:
        if left >= size:
            return f"{left // size}{name}{left % size // part:02d}{unit}"
    return f"{left}s"


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else printable(str(value))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
