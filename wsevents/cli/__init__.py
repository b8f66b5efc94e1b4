"""`wsevents`, the command of administrators: each module here is one of its commands, or what several share.

Importing this must stay cheap, for shell completion and --help wait for it: what a command needs to do
its work, Twisted above all, it imports when it does.
"""

from __future__ import annotations

import click

from wsevents import __version__
from wsevents.cli.check_config import check_config
from wsevents.cli.hash_password import hash_password
from wsevents.cli.import_wazo import import_wazo
from wsevents.cli.kick import kick
from wsevents.cli.output import Commands
from wsevents.cli.publish import publish
from wsevents.cli.sessions import sessions
from wsevents.cli.tail import tail
from wsevents.cli.token import token

__all__ = ["main"]


@click.group(
    cls=Commands,
    name="wsevents",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="wsevents")
def main() -> None:
    """Look after a wsevents gateway: check it, watch it, try it out.

    The gateway itself is started by `twistd wsevents`, or by systemd.

    \b
    Exit statuses, of every command:
      0    all is well, or the answer is yes
      1    there is a problem, or the answer is no
      2    the command was not understood
      130  ended by Ctrl-C
      141  nobody reads the answer any more (`| head`)

    \b
    Completion for bash:
      eval "$(_WSEVENTS_COMPLETE=bash_source wsevents)"
    """


for command in (check_config, hash_password, import_wazo, kick, publish, sessions, tail, token):
    main.add_command(command)
