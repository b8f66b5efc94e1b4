"""The lines of the embedded default about iSymphony."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsevents.dialects.isymphony.settings import IsymphonySettings

PASSWORD = "manag3rpa55word"  # noqa: S105 of the users in demo.yml, which has its hash
"""The password of every user of the embedded default."""


def greeting(settings: IsymphonySettings, base_url: str) -> list[str]:
    """Return a line for each user: its URL, with the password."""
    scheme, _, host = base_url.partition("://")
    path = settings.paths[0]
    return [f"iSymphony: {scheme}://{user}:{PASSWORD}@{host}{path}" for user in settings.users]
