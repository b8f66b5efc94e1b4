"""Options and arguments that several commands share."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from wsevents.cli.output import CommandError

if TYPE_CHECKING:
    from wsevents.api.settings import Config

DEFAULT = "/etc/wsevents/config.yml"
TOKEN = "WSEVENTS_TOKEN"  # noqa: S105 the name of a variable
FILE = click.Path(dir_okay=False, path_type=Path)

config = click.option(
    "-c",
    "--config",
    type=FILE,
    default=DEFAULT,
    show_default=True,
    metavar="FILE",
    help="Configuration of the gateway; the command also reads conf.d/*.yml in its folder.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def load(file: Path) -> Config:
    """Return the configuration. Raises ConfigurationError if it is not valid."""
    from wsevents.config.loader import load as load_config
    from wsevents.config.plugins import Plugins

    return load_config(file, Plugins(), os.environ)


class DialectName(click.ParamType[str]):
    """The name of a dialect; shell completion proposes the installed dialects."""

    name = "dialect"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = sorted({point.name for point in entry_points(group="wsevents.dialects")})
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def token_from(token: str | None, file: Path | None = None) -> str:
    """Return the token of an argument ("-" is standard input), of a file, or of the environment.

    Raises:
        UsageError: there is no token, or there are two.
        CommandError: the file cannot be read, or has no token.
    """
    if token is not None and file is not None:
        raise click.UsageError("give either a token or a file with one, not both.")
    if file is not None:
        return token_in(file)
    if token == "-":  # noqa: S105 means standard input
        token = sys.stdin.readline()
    token = (os.environ.get(TOKEN, "") if token is None else token).strip()
    if not token:
        raise click.UsageError(
            f"no token; give it as an argument, in the variable {TOKEN}, or on standard input with '-'."
        )
    return token


def token_in(file: Path) -> str:
    """Return the token in a file. Raises CommandError: the file cannot be read, or has no token."""
    try:
        text = file.read_text("utf-8").strip()
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise CommandError(f"{file}: must contain a token, in one line")
    return text


def examples(*lines: str) -> str:
    """Return the examples for the end of a help text, without line wrapping."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def listener(function: Any) -> Any:
    """Add the options that name the status listener."""
    return click.option(
        "--url",
        metavar="URL",
        help="Status listener of the gateway, such as http://127.0.0.1:9503 or unix:/run/wsevents/status. "
        "Default: status.endpoint of the configuration.",
    )(config(function))
