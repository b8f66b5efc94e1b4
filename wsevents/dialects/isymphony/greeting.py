"""The lines about iSymphony that the embedded default prints when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsevents.dialects.isymphony.settings import IsymphonySettings

PASSWORD = "manag3rpa55word"  # noqa: S105 not a secret: demo.yml has its hash
"""The password of every user of the embedded default."""


def greeting(settings: IsymphonySettings, base_url: str) -> list[str]:
    """Return one line for each user: the URL with user and password."""
    scheme, _, host = base_url.partition("://")
    path = settings.paths[0]
    return [f"iSymphony: {scheme}://{user}:{PASSWORD}@{host}{path}" for user in settings.users]
