"""Statistics of sessions and handshakes since the start, and the last closed sessions."""

from __future__ import annotations

from collections import Counter, deque

from attrs import define, field, frozen

REMEMBERED = 1000
"""Most closed sessions that are kept."""
_USUAL = frozenset({1000, 1001, 1005, 1006})
"""Codes from a peer that have a counter each. All other codes share one, because a peer may send any code."""


@frozen
class SessionInfo:
    """The state of a session. Times are seconds since the epoch.

    Attributes:
        id: number of the process and number of the session, unique in the gateway.
        dialect: name of the dialect.
        address, port: of the peer.
        user, tenant: uuids of the identity, or None before the peer is authenticated.
        since: time of the upgrade.
        received: number of messages from the peer.
        delivered: number of events to the peer.
        peak: most bytes that waited for the peer at any time.
        expires: expiry time of the token, or None.
    """

    id: str
    dialect: str
    address: str
    port: int
    user: str | None
    tenant: str | None
    since: float
    received: int
    delivered: int
    peak: int
    expires: float | None


@frozen
class ClosedSession:
    """A closed session.

    Attributes:
        info: its state at the end.
        at: time of the end.
        code: close code that the gateway or the peer sent; None: the connection ended without a close frame.
        meaning: the meaning of the close reason.
        why: details, or "".
    """

    info: SessionInfo
    at: float
    code: int | None
    meaning: str
    why: str


@define(eq=False)
class SessionLog:
    """Counters since the start, and the last closed sessions.

    Attributes:
        process: number of the worker process; part of the session ids.
        opened: opened sessions by dialect.
        closed: closed sessions by dialect, closing side and close code or "none". The side is "gateway",
            "peer", or `nobody` if the connection was lost.
        expired: sessions that ended because their token expired or was revoked, by dialect.
        failed: failed handshakes by cause: "limit" (limit reached), "timeout", "lost" (the client
            disconnected, or TLS failed), "proxy" (a required header of a trusted proxy is missing or
            invalid), or the status of the HTTP response.
        closed_sessions: the last closed sessions, the newest last.
    """

    process: int = 0
    opened: Counter[str] = field(init=False, factory=Counter)
    closed: Counter[tuple[str, str, str]] = field(init=False, factory=Counter)
    expired: Counter[str] = field(init=False, factory=Counter)
    failed: Counter[str] = field(init=False, factory=Counter)
    closed_sessions: deque[ClosedSession] = field(init=False, factory=lambda: deque(maxlen=REMEMBERED))

    def record_opened(self, dialect: str) -> str:
        """Count an opened session; return its id."""
        self.opened[dialect] += 1
        return f"{self.process}-{self.opened.total()}"

    def record_closed(self, session: ClosedSession, by: str) -> None:
        """Count and keep a closed session; `by` is the closing side as in `closed`."""
        code = session.code
        if by != "gateway" and code not in _USUAL and code is not None:
            self.closed[session.info.dialect, by, "other"] += 1
        else:
            self.closed[session.info.dialect, by, "none" if code is None else str(code)] += 1
        self.closed_sessions.append(session)
