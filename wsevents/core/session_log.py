"""What has become of sessions and of those who wanted one: for the operator, who reads it at times."""

from __future__ import annotations

from collections import Counter, deque

from attrs import define, field, frozen

REMEMBERED = 1000
"""Sessions that are remembered after their end."""
_USUAL = frozenset({1000, 1001, 1005, 1006})
"""Codes of a peer that are counted each: a peer may send any, and must not make the ledger grow."""


@frozen
class SessionInfo:
    """A session, as it stands.

    Attributes:
        id: that of its process, and a number: no two sessions of a gateway have the same.
        dialect: its name.
        address, port: of the peer.
        user, tenant: whose it is, once known.
        since: when it was opened.
        received: messages of the peer.
        delivered: events to it.
        peak: most bytes that ever waited for it.
        expires: when its token ends, or None.
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
    """A session that is over.

    Attributes:
        visit: as it was at the end.
        at: when that was.
        code: in the close frame that the gateway or the peer sent; None: there was none.
        meaning: the reason, in a sentence.
        why: more of it, or "".
    """

    info: SessionInfo
    at: float
    code: int | None
    meaning: str
    why: str


@define(eq=False)
class SessionLog:
    """Counts since the start, and the last departures.

    Attributes:
        process: whose sessions these are.
        opened: sessions by dialect.
        closed: sessions by dialect, who closed them ("gateway", "peer", or "nobody" if the connection broke),
            and the code or "none".
        expired: sessions, by dialect, that ended because their token did.
        failed: handshakes that came to nothing: "limit" (there were too many), "timeout", "lost" (the peer
            went, or TLS failed), "proxy" (no trusted proxy said whose it was, where one has to), or the
            status of HTTP that was answered.
        departures: the last ones, the newest last.
    """

    process: int = 0
    opened: Counter[str] = field(init=False, factory=Counter)
    closed: Counter[tuple[str, str, str]] = field(init=False, factory=Counter)
    expired: Counter[str] = field(init=False, factory=Counter)
    failed: Counter[str] = field(init=False, factory=Counter)
    closed_sessions: deque[ClosedSession] = field(init=False, factory=lambda: deque(maxlen=REMEMBERED))

    def opened_session(self, dialect: str) -> str:
        """Enter the beginning of a session; return its id."""
        self.opened[dialect] += 1
        return f"{self.process}-{self.opened.total()}"

    def closed_session(self, departure: ClosedSession, by: str) -> None:
        """Enter the end of a session."""
        code = departure.code
        if by != "gateway" and code not in _USUAL and code is not None:
            self.closed[departure.info.dialect, by, "other"] += 1
        else:
            self.closed[departure.info.dialect, by, "none" if code is None else str(code)] += 1
        self.closed_sessions.append(departure)
