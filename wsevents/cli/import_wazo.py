"""`wsevents import-wazo`: translates the configuration of wazo-websocketd."""

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
"""The group of the service's user in the Debian package."""


@click.command(
    "import-wazo",
    short_help="Translate the configuration of wazo-websocketd.",
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
    help="Write to this file; only its owner and the group wsevents, if it exists, can read it.",
)
@click.option("--force", is_flag=True, help="Replace the file of --output if it exists.")
@options.as_json
def import_wazo(sources: tuple[Path, ...], output: Path | None, force: bool, as_json: bool) -> None:
    """Translate the configuration of wazo-websocketd into YAML for wsevents, with comments.

    The command reads config.yml and conf.d/*.yml of FOLDER, by default /etc/wazo-websocketd. As in
    wazo-websocketd, the first file of conf.d by name wins; in wsevents the last wins. If FILEs are given
    instead, a later file wins.

    Standard error has a line for each key without a counterpart, with the alternative. The command reads the
    uuid of the installation from the variable XIVO_UUID. The output may contain passwords.

    Exit status: 0, even with such lines; 1 if a file cannot be read or written.
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
    """Return the merged configuration in a folder of wazo-websocketd. Raises ConfigurationError."""
    from wsevents.config.yaml_files import merge

    more = sorted((folder / "conf.d").glob("*.yml"), key=lambda file: file.name, reverse=True)
    tree = _files((folder / "config.yml",))
    for file in more:
        if not file.name.startswith("."):
            tree = merge(tree, _files((file,)))
    return tree


def _files(files: tuple[Path, ...]) -> Section:
    """Return the merged configuration in files.

    Raises:
        ConfigurationError: a file cannot be read, or is not YAML.
    """
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
    """Write a file atomically, readable by its owner and the gateway only. Raises CommandError."""
    new = file.with_name(f"{file.name}.new")
    try:
        if file.exists() and not force:
            raise CommandError(f"{file} exists; use --force to replace it")
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
    """Make the new file readable by the gateway's group, if it exists and the user may set it."""
    try:
        group = grp.getgrnam(GROUP).gr_gid
        os.fchown(file, -1, group)
        os.fchmod(file, 0o640)
    except (KeyError, PermissionError):
        pass
