"""The command `wsevents` for administrators: one module for each subcommand, and modules that they share.

Shell completion and --help import this package, so the import must be fast. A subcommand imports Twisted and
other large packages only when it runs.
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
    """Administer a wsevents gateway: check its configuration, watch its events and sessions, test it.

    `twistd wsevents` or systemd starts the gateway itself.

    \b
    Exit statuses of all commands:
      0    success, or the answer is yes
      1    a problem, or the answer is no
      2    a usage error
      130  ended by Ctrl-C
      141  the reader of the output has closed it (`| head`)

    \b
    Completion for bash:
      eval "$(_WSEVENTS_COMPLETE=bash_source wsevents)"
    """


for command in (check_config, hash_password, import_wazo, kick, publish, sessions, tail, token):
    main.add_command(command)
