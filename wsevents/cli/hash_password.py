"""`wsevents hash-password`: the hash of a password, for the configuration.

Rule: the command takes no password as an argument, and repeats none. Other users can see arguments.
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
    its standard input. It takes no password as an argument: others on this machine can see arguments.

    Exit status: 0 if the hash was printed; 1 if the password is empty, or the two passwords differ.
    """
    if ctx.args:
        raise click.UsageError("This takes no arguments; it reads the password from its standard input.", ctx)
    password = _typed() if sys.stdin.isatty() else _line()
    if not password:
        raise CommandError("the password must not be empty")
    text = make(password, token_bytes(SALT_BYTES)).text()
    if as_json:
        show({"password_hash": text})
    else:
        say(text)


def _typed() -> str:
    password = getpass("Password: ")
    if getpass("Password again: ") != password:
        raise CommandError("the two passwords differ")
    return password


def _line() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandError("the password must be UTF-8 text") from None
