"""`wsevents kick`: end a session, or all of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wsevents.cli import options
from wsevents.cli.output import PROBLEM, say, show

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    short_help="Disconnect a peer, or all of a user.",
    epilog=options.examples(
        "wsevents kick 4711-42",
        "wsevents kick --user 7f523550-03cf-4dac-a858-cb8afdb34775",
        "wsevents kick --user 7f523550-03cf-4dac-a858-cb8afdb34775 --json",
    ),
)
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", metavar="UUID", help="All sessions of this user.")
@click.option("--dialect", type=options.DialectName(), metavar="NAME", help="Only if it speaks this.")
@options.as_json
@options.listener
@click.pass_context
def kick(
    ctx: click.Context,
    session_id: str | None,
    user: str | None,
    dialect: str | None,
    as_json: bool,
    url: str | None,
    config: Path,
) -> None:
    """Disconnect a peer by the ID that `wsevents sessions` shows, or all of a user.

    Whoever has a good token may come back at once; to keep somebody out, revoke the token first.

    Exit status: 0 if somebody was disconnected, 1 if nobody was, or the gateway cannot be asked.
    """
    from wsevents.cli.admin_client import find

    if (session_id is None) == (user is None):
        raise click.UsageError("give either the ID of a session or --user.")
    order = {"id": session_id, "user": user, "dialect": dialect}
    answer = find(url, config).post(
        "/kick", {key: value for key, value in order.items() if value is not None}
    )
    kicked = answer.get("kicked", 0)
    if as_json:
        show({"kicked": kicked})
    else:
        say(f"disconnected: {kicked}")
    if not kicked:
        ctx.exit(PROBLEM)
