"""What commands print, and how they end.

Rule 1: answers go to standard output, everything else to standard error.
Rule 2: no character of an answer can be taken for a command by a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from wsevents.api.errors import WseventsError

PROBLEM = 1
"""Exit status: the answer is no, or something cannot be done."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT."""
UNHEARD = 141
"""Exit status when nobody reads the answer any more: 128 and the number of SIGPIPE."""


class CommandError(click.ClickException):
    """A command ends with a problem: each line of the text is one."""

    exit_code = PROBLEM

    def show(self, file: Any = None) -> None:
        """Print the problems."""
        note(self.message)


class Commands(click.Group):
    """A group whose commands end as one expects in a shell: no traceback for Ctrl-C, nor for `| head`."""

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run a command, and exit with its status."""
        if isinstance(sys.stdout, TextIOWrapper):  # whatever the terminal cannot show is no reason to fail
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            status = super().main(*arguments, **(options | {"standalone_mode": False}))
        except click.Abort:
            status = INTERRUPTED
        except click.ClickException as problem:
            problem.show()
            status = problem.exit_code
        sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it reports in a line is a line."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except WseventsError as error:
            raise CommandError(str(error)) from None
        except BrokenPipeError:
            _close()
            ctx.exit(UNHEARD)
        return result


def printable(text: str) -> str:
    """Return a text with each character that is none to be seen as an escape."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def say(text: str) -> None:
    """Print a line of the answer."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print lines beside the answer."""
    for line in text.splitlines():
        click.echo(printable(line), err=True)


def show(value: Any) -> None:
    """Print the answer as one JSON document."""
    click.echo(json.dumps(value, indent=2))


def _close() -> None:
    """Have nothing more printed, not even what is kept until the end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
