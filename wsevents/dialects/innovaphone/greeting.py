"""The lines about innovaphone that the embedded default prints when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsevents.dialects.innovaphone.settings import InnovaphoneSettings


def greeting(settings: InnovaphoneSettings, base_url: str) -> list[str]:
    """Return one line for each app, with its URL, its name and its password."""
    return [
        f"innovaphone: {base_url}{app.path} (the app {name} with the password {app.password})"
        for name, app in settings.apps.items()
    ]
