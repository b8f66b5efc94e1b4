"""`wsevents import-wazo`: the configuration of a wazo-websocketd as one of ours."""

from __future__ import annotations

import grp
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsevents.cli import options
from wsevents.cli.output import CommandError, note, show
from wsevents.cli.wazo_config import translate

if TYPE_CHECKING:
    from wsevents.config.yaml_files import Section

FOLDER = Path("/etc/wazo-websocketd")
ORIGIN = "XIVO_UUID"
GROUP = "wsevents"
"""The group of the service's user, where the Debian package is installed."""


@click.command(
    "import-wazo",
    short_help="Turn the configuration of wazo-websocketd into ours.",
    epilog=options.examples(
        "wsevents import-wazo",
        "wsevents import-wazo --output /etc/wsevents/config.yml && wsevents check-config",
        "wsevents import-wazo ./config.yml ./conf.d/50-bus.yml > config.yml",
    ),
)
@click.argument("sources", metavar="[FOLDER | FILE...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE",
    help="Write it there, for its owner alone to read (and the group wsevents, if there is one).",
)
@click.option("--force", is_flag=True, help="Replace the file of --output if it is there.")
@options.as_json
def import_wazo(sources: tuple[Path, ...], output: Path | None, force: bool, as_json: bool) -> None:
    """Turn the configuration of wazo-websocketd into one of wsevents, in YAML with comments.

    FOLDER is /etc/wazo-websocketd by default: its config.yml, and the *.yml of its conf.d, of which, as
    there, the first in the order of their names wins (here it is the last). Files alone are taken in their
    order, a later one replacing what an earlier one has.

    What has no counterpart is told on standard error, a line a key, with what to do instead. The uuid of the
    installation is that of XIVO_UUID in the environment. The result may hold a password.

    Exit status: 0, also with remarks; 1 if a file cannot be read or written.
    """
    tree = _folder(sources[0] if sources else FOLDER) if _is_folder(sources) else _files(sources)
    origin = os.environ.get(ORIGIN, "").strip() or None
    translation = translate(tree, origin, lambda file: Path(file).exists())
    for remark in translation.remarks:
        note(f"{remark.key}: {remark.text}")
    if output is not None:
        _write(output, translation.text(), force)
    if as_json:
        remarks = [{"key": remark.key, "text": remark.text} for remark in translation.remarks]
        show({"config": translation.document(), "remarks": remarks})
    elif output is None:
        click.echo(translation.text(), nl=False)


def _is_folder(sources: tuple[Path, ...]) -> bool:
    return not sources or (len(sources) == 1 and sources[0].is_dir())


def _folder(folder: Path) -> Section:
    """Return what a folder says. Raises ConfigurationError."""
    from wsevents.config.yaml_files import merge

    more = sorted((folder / "conf.d").glob("*.yml"), key=lambda file: file.name, reverse=True)
    tree = _files((folder / "config.yml",))
    for file in more:
        if not file.name.startswith("."):
            tree = merge(tree, _files((file,)))
    return tree


def _files(files: tuple[Path, ...]) -> Section:
    """Return what files say. Raises ConfigurationError: one cannot be read, or is no YAML."""
    from wsevents.api.errors import ConfigurationError
    from wsevents.config.yaml_files import Document, Section, merge, read

    tree = Section()
    for rank, file in enumerate(files):
        try:
            text = file.read_text("utf-8-sig")
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{file}: is not UTF-8 text") from None
        tree = merge(tree, read(text, Document(rank, str(file))))
    return tree


def _write(file: Path, text: str, force: bool) -> None:
    """Write a file that only its owner can read, and the gateway; whole or not at all. Raises Refusal."""
    new = file.with_name(f"{file.name}.new")
    try:
        if file.exists() and not force:
            raise CommandError(f"{file} is there already: --force replaces it")
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as stream:
            _share(stream.fileno())
            stream.write(text)
        new.replace(file)
    except OSError as error:
        raise CommandError(f"{error.filename or file}: cannot be written: {error.strerror}") from None


def _share(file: int) -> None:
    """Let the gateway read a new file, if it has a group of its own and we may."""
    try:
        group = grp.getgrnam(GROUP).gr_gid
        os.fchown(file, -1, group)
        os.fchmod(file, 0o640)
    except (KeyError, PermissionError):
        pass
