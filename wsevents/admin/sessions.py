"""Sessions as an operator lists and chooses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, field, fields, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wsevents.core.session_log import ClosedSession, SessionInfo


@frozen(kw_only=True)
class Choice:
    """Which sessions are meant: those of which all this holds; without any of it, all."""

    id: str | None = None
    user: str | None = None
    tenant: str | None = None
    dialect: str | None = None

    def takes(self, info: SessionInfo) -> bool:
        """Say whether a session is meant."""
        return (
            self.id in (None, info.id)
            and self.user in (None, info.user)
            and self.tenant in (None, info.tenant)
            and self.dialect in (None, info.dialect)
        )


KEYS = tuple(one.name for one in fields(Choice))
"""By which one can choose."""


def choice(wanted: Mapping[str, Any]) -> Choice:
    """Return what these words choose. Raises ValueError: they make no sense; its text says why."""
    for name, value in wanted.items():
        if name not in KEYS:
            raise ValueError(f"{name!r} is nothing to choose by; there are: {', '.join(KEYS)}")
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text, and not empty")
    return Choice(**wanted)


@frozen
class Standing:
    """A session that is open.

    Attributes:
        visit: it.
        subscriptions: what its peer asked for, as its protocol has it.
        queue: bytes that wait for the peer.
        behind: the peer does not take them as fast as they come.
    """

    info: SessionInfo
    subscriptions: tuple[str, ...]
    queue: int
    behind: bool

    def json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return asdict(self.info) | {
            "subscriptions": list(self.subscriptions),
            "queue": self.queue,
            "behind": self.behind,
        }


@frozen
class Listing:
    """Sessions that are open, and sessions that are over, the newest last."""

    sessions: list[Standing] = field(factory=list)
    closed: list[ClosedSession] = field(factory=list)

    def json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "sessions": [one.json() for one in self.sessions],
            "closed": [
                asdict(one.info)
                | {"closed": one.at, "code": one.code, "meaning": one.meaning, "why": one.why}
                for one in self.closed
            ],
        }


def joined(listings: Iterable[Listing], most: int) -> Listing:
    """Return the listings of several processes as one, with so many at most that are over."""
    sessions, closed = [], []
    for listing in listings:
        sessions += listing.sessions
        closed += listing.closed
    closed.sort(key=lambda one: one.at)
    return Listing(sorted(sessions, key=lambda one: one.info.since), closed[-most:])
