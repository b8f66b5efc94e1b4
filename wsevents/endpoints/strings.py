"""Split Twisted endpoint strings into their parts. Pure; `check.py` checks whether they are usable."""

from __future__ import annotations

import re

_FILES = ("privateKey=", "certKey=", "extraCertChain=")
"""Prefixes of the parts that name the TLS files of a listener."""
_PART = re.compile(r":((?:\\.|[^:\\]|\\\Z)*)", re.DOTALL)
"""A colon and the part after it. A backslash quotes the next character."""


def split(string: str) -> tuple[str, list[str], dict[str, str]]:
    """Return the kind, the positional arguments and the named arguments of an endpoint string, unquoted."""
    kind, *parts = (re.sub(r"\\(.)", r"\1", part) for part in _PART.findall(f":{string}"))
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    return kind, [part for part in parts if "=" not in part], named


def split_tls_files(string: str) -> tuple[str, list[str]]:
    """Return an endpoint string without its TLS files, and the parts that name these files, still quoted."""
    parts = _PART.findall(f":{string}")
    files = [part for part in parts if part.startswith(_FILES)]
    return ":".join(part for part in parts if not part.startswith(_FILES)), files
