"""The lines that the embedded default prints when it starts: addresses, and demo credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.api.settings import Config


def greeting(config: Config, dialects: Mapping[str, type[Any]], port: int, now: float) -> list[str]:
    """Return the lines that the embedded default prints, in order.

    Args:
        config: configuration of the embedded default.
        dialects: the classes of its dialects, by name.
        port: port that it listens on.
        now: seconds since the epoch.
    """
    address = f"localhost:{port}"
    return [
        "This is the embedded default: made-up events, in memory, for this machine only.",
        f"Open https://{address}/ in a browser (its certificate is self-signed).",
        f"Tokens: {', '.join(config.auth.tokens)}",  # type: ignore[attr-defined]  # static
        *(
            line
            for name, section in config.dialects.items()
            for line in dialects[name].greeting(section, f"wss://{address}", now)
        ),
        "For a real installation: twistd wsevents --config /etc/wsevents/config.yml",
    ]
