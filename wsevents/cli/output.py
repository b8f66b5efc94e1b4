"""Output and exit statuses of the commands.

Rule 1: results go to standard output, everything else to standard error.
Rule 2: control characters are escaped, so that foreign data cannot control the terminal.
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
"""Exit status: a problem, or the answer is no."""
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT, as in shells."""
BROKEN_PIPE = 141
"""Exit status if the reader has closed the output: 128 and the number of SIGPIPE, as in shells."""


class CommandError(click.ClickException):
    """A command fails; each line of the text is a problem."""

    exit_code = PROBLEM

    def show(self, file: Any = None) -> None:
        """Print the problems on standard error."""
        note(self.message)


class Commands(click.Group):
    """A group whose commands print no traceback for an error, Ctrl-C, or a closed output (`| head`)."""

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run a command, and exit with its status."""
        if isinstance(sys.stdout, TextIOWrapper):  # escape the characters that the terminal cannot show
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
        """Run the command; print an error of wsevents as its lines."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except WseventsError as error:
            raise CommandError(str(error)) from None
        except BrokenPipeError:
            _discard_output()
            ctx.exit(BROKEN_PIPE)
        return result


def printable(text: str) -> str:
    """Return a text with unprintable characters as JSON escapes."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def say(text: str) -> None:
    """Print a line of the result."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print lines on standard error."""
    for line in text.splitlines():
        click.echo(printable(line), err=True)


def show(value: Any) -> None:
    """Print the result as one JSON document."""
    click.echo(json.dumps(value, indent=2))


def _discard_output() -> None:
    """Redirect standard output to /dev/null, so that the flush at exit does not fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
