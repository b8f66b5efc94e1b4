"""Options that several commands have, so that they are the same in all of them."""

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
    help="Configuration of the gateway; the *.yml of conf.d beside it count, too.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def load(file: Path) -> Config:
    """Return the whole configuration. Raises ConfigurationError: it cannot be used."""
    from wsevents.config.loader import load as load_config
    from wsevents.config.plugins import Plugins

    return load_config(file, Plugins(), os.environ)


class DialectName(click.ParamType[str]):
    """The name of a dialect; those that are installed here are proposed."""

    name = "dialect"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Propose them."""
        names = sorted({point.name for point in entry_points(group="wsevents.dialects")})
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def token_from(token: str | None, file: Path | None = None) -> str:
    """Return the token that was given: itself, "-" for standard input, in a file, or in the environment.

    Raises:
        UsageError: there is none, or there are two.
        Refusal: the file cannot be read.
    """
    if token is not None and file is not None:
        raise click.UsageError("give either a token or a file with one, not both.")
    if file is not None:
        return token_in(file)
    if token == "-":  # noqa: S105 it stands for standard input
        token = sys.stdin.readline()
    token = (os.environ.get(TOKEN, "") if token is None else token).strip()
    if not token:
        raise click.UsageError(
            f"a token is needed: as an argument, in the variable {TOKEN}, or on standard input for '-'."
        )
    return token


def token_in(file: Path) -> str:
    """Return the token that a file holds. Raises Refusal: it cannot be read, or holds none."""
    try:
        text = file.read_text("utf-8").strip()
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise CommandError(f"{file}: must hold a token, in one line")
    return text


def examples(*lines: str) -> str:
    """Return lines for the end of a help text, as they stand."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def listener(function: Any) -> Any:
    """Add what says where the status listener is."""
    return click.option(
        "--url",
        metavar="URL",
        help="Where the gateway tells of itself, such as http://127.0.0.1:9503 or unix:/run/wsevents/status. "
        "Default: status.endpoint of the configuration.",
    )(config(function))
