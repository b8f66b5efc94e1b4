"""Endpoint strings of Twisted as text: what their parts are. Whether they can be used, `endpoints` says."""

from __future__ import annotations

import re

_FILES = ("privateKey=", "certKey=", "extraCertChain=")
"""How the parts begin that name the files of a listener's TLS."""
_PART = re.compile(r":((?:\\.|[^:\\]|\\\Z)*)", re.DOTALL)
"""A part after its colon; what follows a backslash, a colon or another backslash, is itself."""


def split(string: str) -> tuple[str, list[str], dict[str, str]]:
    """Return an endpoint string's kind, arguments by position and arguments by name."""
    kind, *parts = (re.sub(r"\\(.)", r"\1", part) for part in _PART.findall(f":{string}"))
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    return kind, [part for part in parts if "=" not in part], named


def apart(string: str) -> tuple[str, list[str]]:
    """Return an endpoint string without the files of its TLS, and the parts that name these, unread."""
    parts = _PART.findall(f":{string}")
    files = [part for part in parts if part.startswith(_FILES)]
    return ":".join(part for part in parts if not part.startswith(_FILES)), files
