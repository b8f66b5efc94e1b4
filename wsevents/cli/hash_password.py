"""`wsevents hash-password`: hashes a password for the configuration.

Rule: the command accepts no password as an argument, because other users can see arguments. It prints none.
"""

from __future__ import annotations

import sys
from getpass import getpass
from secrets import token_bytes

import click

from wsevents.cli import options
from wsevents.cli.output import CommandError, say, show
from wsevents.core.password_hash import SALT_BYTES, make


@click.command(
    short_help="Hash a password for the configuration.",
    context_settings={"allow_extra_args": True},  # click would print an argument that it rejects
    epilog=options.examples(
        "wsevents hash-password",
        "wsevents hash-password < password.txt",
        "wsevents hash-password --json < password.txt | jq -r .password_hash",
    ),
)
@options.as_json
@click.pass_context
def hash_password(ctx: click.Context, as_json: bool) -> None:
    """Print the scrypt hash of a password, the value of a `password_hash` in the configuration.

    On a terminal the command asks for the password twice, without echo. Otherwise it reads the first line of
    its standard input. It accepts no password as an argument, because all users can see arguments.

    Exit status: 0 if the hash was printed; 1 if the password is empty, or the two passwords differ.
    """
    if ctx.args:
        raise click.UsageError(
            "The command takes no arguments; it reads the password from standard input.", ctx
        )
    password = _ask_password() if sys.stdin.isatty() else _read_line()
    if not password:
        raise CommandError("the password is empty; enter one")
    text = make(password, token_bytes(SALT_BYTES)).text()
    if as_json:
        show({"password_hash": text})
    else:
        say(text)


def _ask_password() -> str:
    password = getpass("Password: ")
    if getpass("Password again: ") != password:
        raise CommandError("the two passwords differ; try again")
    return password


def _read_line() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandError("the password must be UTF-8 text") from None
