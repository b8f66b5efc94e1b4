"""A logger that discards everything, for libraries whose messages must not reach the log."""

from __future__ import annotations

from typing import Any


class NullLogger:
    """Replaces Autobahn's logger: its messages quote the HTTP request, which can hold a token."""

    def __getattr__(self, level: str) -> Any:
        return self._ignore

    def _ignore(self, *_: object, **__: object) -> None:
        pass
