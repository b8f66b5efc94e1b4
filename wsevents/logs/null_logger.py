"""A log that says nothing, for libraries that say too much."""

from __future__ import annotations

from typing import Any


class NullLogger:
    """Takes what Autobahn would log: it quotes the request, and the token in it. What matters we log."""

    def __getattr__(self, level: str) -> Any:
        return self._ignore

    def _ignore(self, *_: object, **__: object) -> None:
        pass
