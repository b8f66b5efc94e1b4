"""The WebSocket server: runs the effects of sessions, and knows no dialect.

A peer's facts and messages are worked through one at a time and in order. While a question is
under way, or a peer talks too fast, its messages wait and its connection is not read.

Autobahn speaks RFC 6455; what of it is bent here, and why, is said where it is done.
"""

from __future__ import annotations

import os
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, frozen
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

from wsevents.bucket import Bucket
from wsevents.closing import (
    BY_THE_PEER,
    GOING_AWAY,
    IDLE,
    INTERNAL_ERROR,
    LOST,
    PING_TIMEOUT,
    TOO_BIG,
    TOO_SLOW,
    Advice,
    Closing,
)
from wsevents.framing import text_frames
from wsevents.knock import make_request, may_come_from
from wsevents.messages import Ask, Hangup, Listen, Refuse, Say, Unavailable, Wake, Welcome
from wsevents.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from wsevents.alarms import Alarms
    from wsevents.door import Door
    from wsevents.interfaces import IAuthenticator, IDialect, ISession
    from wsevents.messages import Answer, Effect, Identity
    from wsevents.outbound import Flusher
    from wsevents.relay import Relay
    from wsevents.roster import Roster
    from wsevents.settings import Limits
    from wsevents.settings import Outbound as OutboundSettings
    from wsevents.upstream import Upstream

CLOSING_SECONDS = 10.0
"""How long a peer may take to answer a close frame and to end the connection."""
FRAGMENTS = 4096
"""Frames that one message may be cut into: empty ones would cost memory without counting as size."""
_WHY_MAX = 123
_TOO_BIG_CODE = 1009


@frozen
class Mount:
    """A dialect that is served, and the authority that answers its questions."""

    dialect: IDialect
    authority: IAuthenticator


@define(eq=False)
class House:
    """What all peers of the server share.

    Attributes:
        mounts: a dialect that serves every path comes last.
        now: wall time; sessions think in it.
        expiry: alarms on wall time, for sessions.
        keepalive: alarms on the reactor's time, for connections.
        bus_up: whether events can come at all.
    """

    mounts: Sequence[Mount]
    relay: Relay
    upstream: Upstream
    roster: Roster
    flusher: Flusher
    expiry: Alarms
    keepalive: Alarms
    now: Callable[[], float]
    limits: Limits
    outbound: OutboundSettings
    entropy: Random
    bus_up: bool = False
    stopping: bool = False

    def mount_for(self, path: str) -> Mount | None:
        """Return who serves a path."""
        return next((mount for mount in self.mounts if mount.dialect.serves(path)), None)


class Peer(WebSocketServerProtocol):
    """One connection: Autobahn's protocol below, a dialect's session above.

    Autobahn owns the names `log`, `state`, `peer`, `factory`, `data`; ours have an underscore.
    """

    _log = Logger()
    transport: Any

    def __init__(self, house: House, door: Door) -> None:
        super().__init__()
        self._house = house
        self._door = door
        self._mount: Mount | None = None
        self._session: ISession | None = None
        self._welcome: Deferred[Any] = Deferred()
        self._facts: deque[Callable[[], Sequence[Effect]]] = deque()
        self._inbox: deque[str | bytes] = deque()
        self._holds: set[object] = set()
        self._reading = True
        self._working = False
        self._closing: Closing | None = None
        self._why = ""
        self._bucket = Bucket(house.limits.messages_per_second)
        self._wakes: set[str] = set()
        self._fragments = 0
        self._open = False
        self._gone = False
        self._since = 0.0
        self._received = 0
        self._delivered = 0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Take over the connection from the door."""
        self._outbound = Outbound(
            self.transport, self._house.flusher, self._house.outbound.peer_bytes, self._fell_behind
        )
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:
        """Find the dialect of the request, and let its session decide whether to upgrade."""
        knock = make_request(
            self.http_request_uri,
            request.headers,
            self._door.address,
            self._door.port,
            secure=ISSLTransport.providedBy(self.transport),
        )
        mount = self._mount = self._house.mount_for(knock.path)
        if mount is None:
            raise ConnectionDeny(404, "Not Found")
        wire = mount.dialect.wire
        if not may_come_from(knock.headers.get("origin"), wire.origins):
            raise ConnectionDeny(403, "Forbidden")
        self.maxMessagePayloadSize = wire.message_max
        session = self._session = mount.dialect.session(knock, self._house.entropy)
        self._tell(lambda: session.knocked(self._house.now()))
        return self._welcome

    def onOpen(self) -> None:
        """Begin the session."""
        house = self._house
        self._open = True
        self._since = house.now()
        self._door.settle()
        house.roster.add(self)
        self.transport.registerProducer(self._outbound, True)
        self._start_pings()
        if not house.bus_up:
            self.bus_lost()
        session = self._session
        assert session is not None  # noqa: S101 onConnect has made it
        self._tell(lambda: session.opened(house.now()))
        if house.stopping:
            self.hang_up(GOING_AWAY)

    def onMessageFrameBegin(self, length: int) -> None:
        """Bound the number of frames of a message, as Autobahn bounds their size."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > FRAGMENTS and not self.failedByMe:
            self._fail_connection(_TOO_BIG_CODE, "too many frames")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Queue a message for the session; Autobahn has checked that text is UTF-8."""
        self._fragments = 0
        if self._closing is None:
            self._received += 1
            self._heard()
            self._inbox.append(payload if isBinary else payload.decode("utf-8"))
            self._work()

    def onPing(self, payload: bytes) -> None:
        """Answer, and count it as a message."""
        self._heard()
        self._slow_down(self._bucket.take(self._house.keepalive.now()))
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        """The peer is there."""
        self._heard()
        self._house.keepalive.clear(self._alarm, "pong")

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Leave everything; also called when the handshake never ended."""
        if self._gone:
            return
        self._gone = True
        if self._closing is None:
            self._closing = BY_THE_PEER if wasClean else LOST
            self._why = "" if code is None or not wasClean else f"code {code}"
        self._leave()
        self._outbound.stopProducing()
        keepalive = self._house.keepalive
        for name in ("ping", "pong", "idle", "rate", "closing"):
            keepalive.clear(self._alarm, name)
        self._door.settle()
        if self._open:
            self._house.roster.remove(self)
            self._say_over()

    # -- to the session -----------------------------------------------------------------------

    def _tell(self, fact: Callable[[], Sequence[Effect]]) -> None:
        self._facts.append(fact)
        self._work()

    def _work(self) -> None:
        """Work through facts, then messages, one after the other; never nested."""
        if self._working:
            return
        self._working = True
        try:
            while self._closing is None and not self._gone and (fact := self._next()) is not None:
                for effect in fact():
                    if self._closing is None:
                        _ACTS[type(effect)](self, effect)
        except Exception:  # noqa: BLE001 whatever it is, it must cost this peer only
            self._log.failure("a session failed")
            self._fail()
        finally:
            self._working = False
        self._steer()

    def _next(self) -> Callable[[], Sequence[Effect]] | None:
        if self._facts:
            return self._facts.popleft()
        if not self._inbox or self._holds or self._session is None:
            return None
        message, session, now = self._inbox.popleft(), self._session, self._house.now()
        self._slow_down(self._bucket.take(self._house.keepalive.now()))
        return lambda: session.received(message, now)

    def _steer(self) -> None:
        """Read from the connection, or do not: a peer that is closing is read for its close frame."""
        wanted = not self._holds or self._closing is not None
        if wanted is self._reading or self._gone:
            return
        self._reading = wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def _slow_down(self, wait: float) -> None:
        if wait > 0:
            self._holds.add("rate")
            self._house.keepalive.set(self._alarm, "rate", self._house.keepalive.now() + wait)
            self._steer()

    # -- the session's effects ----------------------------------------------------------------

    def _refuse(self, effect: Refuse) -> None:
        self._refusal = effect
        self._welcome.errback(ConnectionDeny(effect.status, "refused"))

    def _let_in(self, effect: Welcome) -> None:
        self._welcome.callback((None, dict(effect.headers)))

    def _ask(self, effect: Ask) -> None:
        assert self._mount is not None  # noqa: S101 a session has a mount
        if effect.hold:
            self._holds.add(effect.id)
        answer = self._mount.authority.answer(effect.question, self._house.now())
        answer.addErrback(self._no_answer)
        answer.addCallback(self._answered, effect.id)

    def _no_answer(self, failure: Any) -> Answer:
        self._log.failure("an authenticator failed", failure=failure)
        return Unavailable("the authenticator failed")

    def _answered(self, answer: Answer, number: int) -> None:
        def fact() -> Sequence[Effect]:
            self._holds.discard(number)
            assert self._session is not None  # noqa: S101 it asked
            return self._session.answered(number, answer, self._house.now())

        if not self._gone:
            self._tell(fact)

    def _listen(self, effect: Listen) -> None:
        assert self._mount is not None  # noqa: S101 a session has a mount
        changes = self._house.relay.listen(self._mount.dialect, self, effect.interests)
        if changes.added or changes.removed:
            live = self._house.upstream.change(changes.added, changes.removed)
            live.addCallback(self._live, effect.id)
        else:
            self._live(True, effect.id)

    def _live(self, live: bool, number: int | None) -> None:
        session = self._session
        if live and number is not None and session is not None and not self._gone:
            self._tell(lambda: session.listening(number, self._house.now()))

    def _say(self, effect: Say) -> None:
        assert self._mount is not None  # noqa: S101 a session has a mount
        self._outbound.put(text_frames(effect.text.encode("utf-8"), self._mount.dialect.wire.frame_max))

    def _set_wake(self, effect: Wake) -> None:
        if effect.at is None:
            self._wakes.discard(effect.name)
            self._house.expiry.clear(self._wake, effect.name)
        else:
            self._wakes.add(effect.name)
            self._house.expiry.set(self._wake, effect.name, effect.at)

    def _end(self, effect: Hangup) -> None:
        self.hang_up(effect.closing, effect.why)

    # -- what happens to a peer ---------------------------------------------------------------

    @property
    def identity(self) -> Identity | None:
        """Who it is, once that is known."""
        return None if self._session is None else self._session.identity

    def enqueue(self, frame: bytes) -> None:
        """Queue the frame of an event."""
        if self._outbound.put(frame):
            self._delivered += 1

    def bus_lost(self) -> None:
        """Tell the session."""
        if self._session is not None:
            session = self._session
            self._tell(lambda: session.bus_lost(self._house.now()))

    def bus_back(self) -> None:
        """Tell the session."""
        if self._session is not None:
            session = self._session
            self._tell(lambda: session.bus_back(self._house.now()))

    def revise(self) -> None:
        """Tell the session what its authority now says of its identity."""
        session, mount = self._session, self._mount
        if session is not None and mount is not None and session.identity is not None:
            answer = mount.authority.revise(session.identity)
            self._tell(lambda: session.revised(answer, self._house.now()))

    def _fell_behind(self) -> None:
        """Drop what waits, at a frame boundary, and end the session."""
        self._outbound.discard()
        self.hang_up(TOO_SLOW)

    def hang_up(self, closing: Closing, why: str = "") -> None:
        """End the session, once; the connection is aborted if the peer does not see it through."""
        if self._closing is not None or self._gone:
            return
        self._closing, self._why = closing, why
        self._leave()
        self._steer()
        self._house.keepalive.set(self._alarm, "closing", self._house.keepalive.now() + CLOSING_SECONDS)
        if closing.code is None:
            self.dropConnection(abort=False)
        else:
            # sendClose refuses codes that RFC 6455 section 7.4.1 keeps for endpoints, such as 1011.
            self.sendCloseFrame(closing.code, closing.reason.encode("utf-8")[:_WHY_MAX])

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def _fail(self) -> None:
        """End what failed on our side."""
        if self._open:
            self.hang_up(INTERNAL_ERROR)
        elif not self._welcome.called:
            self._welcome.errback(ConnectionDeny(500, "Internal Server Error"))

    def _leave(self) -> None:
        """Listen to nothing, and wake for nothing."""
        if self._mount is not None:
            changes = self._house.relay.listen(self._mount.dialect, self, frozenset())
            if changes.removed:
                self._house.upstream.change([], changes.removed)
        for name in self._wakes:
            self._house.expiry.clear(self._wake, name)
        self._wakes.clear()
        self._inbox.clear()
        self._facts.clear()

    def _say_over(self) -> None:
        """Log the one line that a session leaves."""
        identity, closing = self.identity, self._closing
        assert closing is not None  # noqa: S101 onClose has set it
        assert self._mount is not None  # noqa: S101 it was open
        self._log.info(
            "session over: {dialect} {address} user={user} tenant={tenant} {seconds:.0f} s, "
            "{received} received, {delivered} events, peak queue {peak} bytes; {code} {meaning}{why}",
            dialect=self._mount.dialect.name,
            address=self._door.address,
            user=identity.subject if identity else "-",
            tenant=identity.tenant if identity else "-",
            seconds=self._house.now() - self._since,
            received=self._received,
            delivered=self._delivered,
            peak=self._outbound.peak,
            code=closing.code or "-",
            meaning=closing.meaning,
            why=f" ({self._why})" if self._why else "",
        )

    # -- alarms -------------------------------------------------------------------------------

    def _wake(self, name: str) -> None:
        """On wall time: the session asked for it."""
        self._wakes.discard(name)
        session = self._session
        if session is not None:
            self._tell(lambda: session.rang(name, self._house.now()))

    def _start_pings(self) -> None:
        assert self._mount is not None  # noqa: S101 it is open
        wire, keepalive = self._mount.dialect.wire, self._house.keepalive
        if wire.ping_interval:
            keepalive.set(self._alarm, "ping", keepalive.now() + wire.ping_interval)
        self._heard()

    def _heard(self) -> None:
        """Put off the end of a peer whose dialect does not let it be silent for long."""
        if self._mount is not None and self._mount.dialect.wire.idle:
            keepalive = self._house.keepalive
            keepalive.set(self._alarm, "idle", keepalive.now() + self._mount.dialect.wire.idle)

    def _alarm(self, name: str) -> None:
        """On the reactor's time: the connection needs it."""
        if self._gone:
            return
        if name == "closing":
            self.dropConnection(abort=True)
            self.transport.abortConnection()
        elif name == "rate":
            self._holds.discard("rate")
            self._work()
        elif self._closing is None:
            _ALARMS[name](self)

    def _ping(self) -> None:
        assert self._mount is not None  # noqa: S101 it is open
        wire, keepalive = self._mount.dialect.wire, self._house.keepalive
        self.sendPing(os.urandom(4))
        keepalive.set(self._alarm, "ping", keepalive.now() + wire.ping_interval)
        if wire.pong_deadline and not keepalive.has(self._alarm, "pong"):
            keepalive.set(self._alarm, "pong", keepalive.now() + wire.pong_deadline)

    def _no_pong(self) -> None:
        """Close, unless we are the ones who do not read."""
        assert self._mount is not None  # noqa: S101 it is open
        if self._reading:
            self.hang_up(PING_TIMEOUT)
        else:
            keepalive = self._house.keepalive
            keepalive.set(self._alarm, "pong", keepalive.now() + self._mount.dialect.wire.pong_deadline)

    def _too_quiet(self) -> None:
        self.hang_up(IDLE)

    # -- Autobahn, bent -----------------------------------------------------------------------

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send what Autobahn has to say by the queue, so that nothing overtakes anything."""
        self._outbound.insist(data)

    def _closeConnection(self, abort: bool = False) -> None:
        """Hand over what waits before the connection ends, and see to it that it does end."""
        if not abort and not self._gone:
            self._outbound.finish()
            self._house.keepalive.set(self._alarm, "closing", self._house.keepalive.now() + CLOSING_SECONDS)
        super()._closeConnection(abort)

    def dropConnection(self, abort: bool = False) -> None:
        """After a clean close, end TCP cleanly too: a reset makes browsers report an unclean close."""
        super().dropConnection(abort=abort and not self.wasClean)

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """Close for a mistake against RFC 6455 in our way; `reason` is Autobahn's, for the log."""
        self.failedByMe = True
        if code == _TOO_BIG_CODE:
            self.hang_up(TOO_BIG, reason)
        else:
            meaning = "The client broke the WebSocket protocol."
            self.hang_up(Closing(code, "", meaning, Advice.FIX), reason)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """Answer a bad request; `reason` is not logged nor sent, it may quote the URL and its token."""
        refusal: Refuse = getattr(self, "_refusal", None) or Refuse(code, tuple(responseHeaders or ()))
        self.wasNotCleanReason = "refused"
        self.sendData(http_answer(refusal))
        self.dropConnection(abort=False)


_ACTS: Mapping[type, Callable[[Peer, Any], None]] = {
    Refuse: Peer._refuse,  # noqa: SLF001 the class's own table
    Welcome: Peer._let_in,  # noqa: SLF001
    Ask: Peer._ask,  # noqa: SLF001
    Listen: Peer._listen,  # noqa: SLF001
    Say: Peer._say,  # noqa: SLF001
    Wake: Peer._set_wake,  # noqa: SLF001
    Hangup: Peer._end,  # noqa: SLF001
}
_ALARMS: Mapping[str, Callable[[Peer], None]] = {
    "ping": Peer._ping,  # noqa: SLF001
    "pong": Peer._no_pong,  # noqa: SLF001
    "idle": Peer._too_quiet,  # noqa: SLF001
}


def http_answer(refusal: Refuse) -> bytes:
    """Return an HTTP error as wire bytes (RFC 9112)."""
    head = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}"]
    head += [f"{name}: {value}" for name, value in refusal.headers]
    head += [f"Content-Length: {len(refusal.body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode("latin-1", "replace") + refusal.body


class PeerFactory(WebSocketServerFactory):
    """Makes Autobahn protocols that are peers; it does not listen, the door does."""

    def __init__(self, house: House, reactor: Any) -> None:
        super().__init__(reactor=reactor, server="wsevents")
        self._house = house
        self.setProtocolOptions(
            webStatus=False,
            failByDrop=False,
            echoCloseCodeReason=True,
            # Handshakes, closing and pings have one timer for the whole server, in alarms.py.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            tcpNoDelay=True,
            allowedOrigins=["*"],
            allowNullOrigin=True,
        )

    def peer(self, door: Door) -> Peer:
        """Return a protocol for a connection that asks for a WebSocket."""
        peer = Peer(self._house, door)
        peer.factory = self
        return peer
