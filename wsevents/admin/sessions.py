"""Sessions as the operator lists and filters them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, field, fields, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wsevents.core.session_log import ClosedSession, SessionInfo


@frozen(kw_only=True)
class SessionFilter:
    """Selects the sessions that have all given values; without any value, all sessions."""

    id: str | None = None
    user: str | None = None
    tenant: str | None = None
    dialect: str | None = None

    def matches(self, info: SessionInfo) -> bool:
        """Return whether a session matches."""
        return (
            self.id in (None, info.id)
            and self.user in (None, info.user)
            and self.tenant in (None, info.tenant)
            and self.dialect in (None, info.dialect)
        )


FILTER_KEYS = tuple(item.name for item in fields(SessionFilter))
"""The members of a filter."""


def session_filter(members: Mapping[str, Any]) -> SessionFilter:
    """Return the filter of these members. Raises ValueError, with the reason: a member is invalid."""
    for name, value in members.items():
        if name not in FILTER_KEYS:
            raise ValueError(f"unknown filter {name!r}; known filters: {', '.join(FILTER_KEYS)}")
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a non-empty string")
    return SessionFilter(**members)


@frozen
class OpenSession:
    """A session that is open.

    Attributes:
        info: its peer, start and counts.
        subscriptions: the subscriptions of the peer, in the syntax of its protocol.
        queue: bytes queued for the peer.
        behind: whether the peer reads more slowly than its events arrive.
    """

    info: SessionInfo
    subscriptions: tuple[str, ...]
    queue: int
    behind: bool

    def json(self) -> dict[str, Any]:
        """Return the session as a JSON object."""
        return asdict(self.info) | {
            "subscriptions": list(self.subscriptions),
            "queue": self.queue,
            "behind": self.behind,
        }


@frozen
class SessionList:
    """Open sessions, and closed sessions with the newest last."""

    sessions: list[OpenSession] = field(factory=list)
    closed: list[ClosedSession] = field(factory=list)

    def json(self) -> dict[str, Any]:
        """Return the sessions as a JSON object."""
        return {
            "sessions": [item.json() for item in self.sessions],
            "closed": [
                asdict(item.info)
                | {"closed": item.at, "code": item.code, "meaning": item.meaning, "why": item.why}
                for item in self.closed
            ],
        }


def merged(listings: Iterable[SessionList], max_closed: int) -> SessionList:
    """Return the lists of several processes as one, with at most `max_closed` closed sessions."""
    sessions, closed = [], []
    for listing in listings:
        sessions += listing.sessions
        closed += listing.closed
    closed.sort(key=lambda item: item.at)
    return SessionList(sorted(sessions, key=lambda item: item.info.since), closed[-max_closed:])
