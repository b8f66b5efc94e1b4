"""What the embedded default says at its start: where it is, and what opens it. None of that is a secret.

VoIPBIN's JWT is made here, since one that is printed in a file would end some day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jwt

from wsevents.demo.cast import COMPANIES
from wsevents.dialects.voipbin.claims import ADMIN

if TYPE_CHECKING:
    from wsevents.settings import Config

PASSWORD = "manag3rpa55word"  # noqa: S105 of iSymphony's manager, whose hash is in config.yml
YEAR = 365 * 86400
"""How long the JWT is valid, in seconds."""


def greeting(config: Config, port: int, now: float) -> list[str]:
    """Return the lines, in order.

    Args:
        config: the embedded default's own.
        port: where it listens.
        now: when, in seconds since the epoch.
    """
    voipbin, innovaphone = config.dialects["voipbin"], config.dialects["innovaphone"]
    isymphony = config.dialects["isymphony"]
    here = f"wss://localhost:{port}"
    (key, access), (user,) = next(iter(voipbin.access_keys.items())), isymphony.users
    ((app, entry),) = innovaphone.apps.items()
    return [
        "This is the embedded default: made-up events, in memory, for this machine only.",
        f"Open https://localhost:{port}/ in a browser (its certificate is self-signed).",
        f"Clients connect to {here}/?token=demo",
        f"Tokens: {', '.join(config.auth.tokens)}",  # type: ignore[attr-defined]  # static
        f"VoIPBIN: {here}{voipbin.paths[0]}?token={key} (an access key of the customer {access.customer_id})",
        f"VoIPBIN: JWT of an administrator of that customer: {administrator(voipbin.jwt_key, now)}",
        f"iSymphony: wss://{user}:{PASSWORD}@localhost:{port}{isymphony.paths[0]}",
        f"innovaphone: {here}{entry.path} (the app {app} with the password {entry.password})",
        "For a real installation: twistd wsevents --config /etc/wsevents/config.yml",
    ]


def administrator(key: str, now: float) -> str:
    """Return a JWT of the first person of the first company, an administrator there for a year."""
    company = COMPANIES[0]
    agent = {"id": company.people[0].user, "customer_id": company.tenant, "permission": ADMIN}
    ends = datetime.fromtimestamp(now + YEAR, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return jwt.encode({"type": "agent", "agent": agent, "expire": ends}, key, "HS256")
