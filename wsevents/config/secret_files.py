"""Secrets that stand elsewhere: `password_file: PATH` or `password_env: NAME` for `password: …`.

No message repeats a path or a name: who mistakes `password_env` for `password` writes the
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
    """Return the keys by which a secret may be given: as it is, by file, by environment variable."""
    return name, f"{name}_file", f"{name}_env"


def chosen(section: Section, name: str) -> str | None:
    """Return the form that counts: of those that are not null the one of the last file, or None.

    Raises:
        MisfitError: one file has two.
    """
    given = [form for form in forms(name) if section.get(form) is not None]
    if not given:
        return name if name in section else None
    last = max(section.origin[form].rank for form in given)
    first, *others = [form for form in given if section.origin[form].rank == last]
    if others:
        raise ProblemsError(Problem(f"cannot be given together with {first}", (others[0],)))
    return first


def disclosed(form: str, name: str, value: Any, environ: Mapping[str, str]) -> Any:
    """Return the secret that a key of the form `form` of the secret `name` gives.

    Raises:
        MisfitError: it cannot be had.
    """
    plain, file, _ = forms(name)
    if form == plain:
        return value
    if not isinstance(value, str):
        raise ProblemsError(Problem(f"must be {'the path of a file' if form == file else 'text'}"))
    return _content(value) if form == file else _variable(value, environ)


def _content(path: str) -> str:
    try:
        secret = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise ProblemsError(Problem(f"names a file that cannot be read: {error.strerror}")) from None
    except ValueError:  # no UTF-8, or no path at all
        raise ProblemsError(Problem("names a file that cannot be read as UTF-8 text")) from None
    if not secret:
        raise ProblemsError(Problem("names a file that is empty"))
    return secret


def _variable(name: str, environ: Mapping[str, str]) -> str:
    secret = environ.get(name, "")
    if not secret:
        raise ProblemsError(Problem("names an environment variable that is not set"))
    return secret
