"""Secrets outside the configuration: `password_file: PATH` or `password_env: NAME` instead of `password: …`.

No message contains the path or the name: an operator who confuses `password_env` with `password` writes the
password there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsevents.config.problems import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.config.yaml_files import Section


def forms(name: str) -> tuple[str, str, str]:
    """Return the three keys that can give a secret: its value, a file, an environment variable."""
    return name, f"{name}_file", f"{name}_env"


def given_form(section: Section, name: str) -> str | None:
    """Return the key that gives the secret `name`, or None. A later file wins; a null counts as not given.

    Raises:
        ProblemsError: one file has two of the keys.
    """
    given = [form for form in forms(name) if section.get(form) is not None]
    if not given:
        return name if name in section else None
    last = max(section.origin[form].rank for form in given)
    first, *others = [form for form in given if section.origin[form].rank == last]
    if others:
        raise ProblemsError(Problem(f"cannot be given together with {first}", (others[0],)))
    return first


def secret_value(form: str, name: str, value: Any, environ: Mapping[str, str]) -> Any:
    """Return the secret `name`, given by the key `form` with this value.

    Raises:
        ProblemsError: the file cannot be read or is empty, or the variable is not set.
    """
    plain, file, _ = forms(name)
    if form == plain:
        return value
    if not isinstance(value, str):
        raise ProblemsError(Problem(f"must be {'the path of a file' if form == file else 'text'}"))
    return _from_file(value) if form == file else _from_environment(value, environ)


def _from_file(path: str) -> str:
    try:
        secret = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise ProblemsError(Problem(f"names a file that cannot be read: {error.strerror}")) from None
    except ValueError:  # not UTF-8, or a NUL in the path
        raise ProblemsError(Problem("names a file that cannot be read as UTF-8 text")) from None
    if not secret:
        raise ProblemsError(Problem("names a file that is empty"))
    return secret


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    secret = environ.get(name, "")
    if not secret:
        raise ProblemsError(Problem("names an environment variable that is not set"))
    return secret
