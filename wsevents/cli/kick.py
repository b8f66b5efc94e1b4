"""`wsevents kick`: disconnects a session, or all sessions of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wsevents.cli import options
from wsevents.cli.output import PROBLEM, say, show

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    short_help="Disconnect a session, or all sessions of a user.",
    epilog=options.examples(
        "wsevents kick 4711-42",
        "wsevents kick --user 7f523550-03cf-4dac-a858-cb8afdb34775",
        "wsevents kick --user 7f523550-03cf-4dac-a858-cb8afdb34775 --json",
    ),
)
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", metavar="UUID", help="Disconnect all sessions of this user.")
@click.option("--dialect", type=options.DialectName(), metavar="NAME", help="Only sessions of this dialect.")
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
    """Disconnect a session by its ID in `wsevents sessions`, or all sessions of a user.

    A client with a valid token may reconnect at once. To keep a client out, revoke its token first.

    Exit status: 0 if a session was disconnected; 1 if none was, or the gateway does not answer.
    """
    from wsevents.cli.admin_client import find

    if (session_id is None) == (user is None):
        raise click.UsageError("give either the ID of a session or --user.")
    criteria = {"id": session_id, "user": user, "dialect": dialect}
    answer = find(url, config).post(
        "/kick", {key: value for key, value in criteria.items() if value is not None}
    )
    kicked = answer.get("kicked", 0)
    if as_json:
        show({"kicked": kicked})
    else:
        say(f"disconnected: {kicked}")
    if not kicked:
        ctx.exit(PROBLEM)
