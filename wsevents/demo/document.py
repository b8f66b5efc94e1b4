"""The configuration of the embedded default: `config.yml` and the demo settings of the installed dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.endpoints import quoteStringArgument

from wsevents.api.package_files import PackageFile
from wsevents.config.loader import validate
from wsevents.config.plugins import read_file
from wsevents.config.yaml_files import Document, Section, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wsevents.api.settings import Config
    from wsevents.config.plugins import Plugins

NAME = "the embedded default"
"""The name of the configuration in error messages."""


def embedded(state: Path, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration of the embedded default.

    Args:
        state: folder with the key and the certificate.
        plugins: the installed plug-ins.
        environ: the environment.

    Raises:
        ConfigurationError: the demo settings of an installed dialect are not valid.
        PluginError: an installed dialect cannot be used.
    """
    own = PackageFile(__package__, "config.yml")
    tree = read(read_file(own).replace("{state}", endpoint_escaped(str(state))), Document(0, NAME))
    dialects = sorted(plugins.dialects().items(), key=lambda pair: not pair[1].default)
    tree["dialects"] = Section(
        {name: _demo_settings(name, dialect.demo) for name, dialect in dialects if dialect.demo is not None}
    )
    return validate(tree, NAME, plugins, environ)


def endpoint_escaped(text: str) -> str:
    """Return text with the escapes of an endpoint string inside single quotes of YAML."""
    quoted: str = quoteStringArgument(text)
    return quoted.replace("'", "''")


def _demo_settings(name: str, file: PackageFile) -> Section:
    return read(read_file(file), Document(0, f"{NAME}, {file.name} of the dialect {name}"))
