"""The client's end of Wazo's protocol, version 2, for Twisted programs: `docs/protocol/wazo.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import inf
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import evolve
from autobahn.twisted.websocket import WebSocketClientProtocol
from autobahn.websocket.types import ConnectingRequest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.api import close_reasons
from wsevents.api.close_reasons import Advice, CloseReason
from wsevents.api.strict_json import parse_object
from wsevents.client.appwebsocket_connection import CLOSING_SECONDS, ConnectionEnd
from wsevents.client.cancellable_wait import CancellableWait
from wsevents.client.connect import SingleUseFactory, autobahn_factory, endpoint_for
from wsevents.client.connect_errors import ConnectProblem, of_failure, of_status, place_of
from wsevents.client.deadline import Deadline
from wsevents.core.backoff import Backoff
from wsevents.logs.null_logger import NullLogger
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint

VERSION = 2
MESSAGE_MAX = 16 * 1048576
"""Bytes of an event; the gateway itself has no bound."""
HOPELESS = frozenset({Advice.FIX, Advice.ASK})
"""Advice after which no other attempt would do better."""
_NORMAL = 1000
_NO_TOKEN = ConnectionEnd("not connected: there is no token, as the token function failed")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_KNOWN = {(one.code, one.reason): one for one in vars(close_reasons).values() if isinstance(one, CloseReason)}
_log = Logger()
C = TypeVar("C", bound=Callable[..., Any])


def explain(code: int, reason: str) -> tuple[str, Advice]:
    """Return the meaning of a close frame and the advice for the client, as the gateway has them.

    A pair of code and reason that the gateway does not have gets a neutral text and the advice to retry:
    another reason of the same code says nothing about it.
    """
    if code == _NORMAL:
        return "the other end closed the connection", Advice.RETRY
    said = f"closed with {code}{f' {reason}' if reason else ''}"
    known = _KNOWN.get((code, reason))
    if known is None:
        return said, Advice.RETRY
    return f"{said}: {known.meaning} What to do: {known.advice.value}.", known.advice


def _versioned(url: str) -> str:
    """Return a URL that asks for the version that is spoken here. Raises ValueError: it is none."""
    parts = urlsplit(url)
    fields = [(name, value) for name, value in parse_qsl(parts.query) if name != "version"]
    return urlunsplit(parts._replace(query=urlencode([*fields, ("version", str(VERSION))])))


class _Connection(WebSocketClientProtocol):
    """One connection, from TCP to TCP; Autobahn owns many names, ours have an underscore.

    Attributes:
        over: fires with an `ConnectionEnd` when it is gone.
    """

    log = NullLogger()
    transport: Any

    def __init__(self, owner: WazoClient, clock: IReactorTime, token: str) -> None:
        super().__init__()
        self.over: Deferred[ConnectionEnd] = Deferred()
        self._owner = owner
        self._clock = clock
        self._token = token
        self._opened = self._gone = False
        self._ending: ConnectionEnd | None = None
        self._lost: Failure | None = None
        self._deadline = Deadline(clock)
        self._beat: IDelayedCall | None = None
        self._heard = 0.0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Ask for the WebSocket, and do not wait for ever."""
        self._within("the other end did not answer in time")
        super().connectionMade()

    def onConnecting(self, transport_details: Any) -> ConnectingRequest:
        """Show the token in a header: what stands in an address ends in the logs of proxies."""
        factory = self.factory
        return ConnectingRequest(
            host=factory.host,
            port=factory.port,
            resource=factory.resource,
            headers={"X-Auth-Token": self._token} if self._token else None,
            useragent=factory.useragent,
        )

    def processHandshake(self) -> None:
        """Read the answer; Autobahn raises where that is not even text."""
        answered = _STATUS.match(self.data)
        if answered and int(answered[1]) != 101:  # noqa: PLR2004 Switching Protocols
            problem = of_status(int(answered[1]), self._owner.place)
            self._finish(problem.text, problem.advice)
            return
        try:
            super().processHandshake()
        except Exception:  # noqa: BLE001 there is no telling which
            self._finish(f"{self._owner.place} is no WebSocket server: correct the address", Advice.FIX)

    def failHandshake(self, reason: str) -> None:
        """Give up on an answer that is no WebSocket's."""
        self._finish(f"{self._owner.place} is no WebSocket server: correct the address", Advice.FIX)

    def onOpen(self) -> None:
        """Say what is wanted; nothing comes of it if the token is no good."""
        self._heard = self._clock.seconds()
        for name in self._owner.events:
            self._say("subscribe", event_name=name)
        self._say("start")

    def onPing(self, payload: bytes) -> None:
        """Answer, and note that the other end is there."""
        self._heard = self._clock.seconds()
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        """Note that the other end is there."""
        self._heard = self._clock.seconds()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a message; what is none of the protocol is left aside."""
        self._heard = self._clock.seconds()
        if isBinary or self._ending is not None:
            return
        try:
            message = parse_object(payload)
        except ValueError:
            return
        operation, data = message.get("op"), message.get("data")
        if operation == "start" and not self._opened:
            self._begin()
        elif operation == "event" and isinstance(data, dict):
            self._owner.received(data)

    def _begin(self) -> None:
        self._opened = True
        self._deadline.clear()
        self._beat = self._clock.callLater(self._owner.keep_alive, self._keep_it_alive)
        self._owner.opened()

    def _keep_it_alive(self) -> None:
        """Speak, so that the other end does; if it has not for long, it is gone."""
        self._beat = None
        if self.state != self.STATE_OPEN:
            return
        if self._clock.seconds() - self._heard >= 2 * self._owner.keep_alive:
            self._finish("nothing was heard of the other end for long")
            self.transport.abortConnection()
            return
        self.sendPing(b"wsevents")
        self._beat = self._clock.callLater(self._owner.keep_alive, self._keep_it_alive)

    # -- the end ------------------------------------------------------------------------------

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> Any:
        """Give the other end time to drop the connection, but not for ever."""
        answer = super().onCloseFrame(code, reasonRaw)
        if not self._gone:
            self._abort_later()
        return answer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keep why: Autobahn passes on words alone."""
        self._lost = reason
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Say that it is gone; also called when it never was open."""
        if self._gone:
            return
        self._gone = True
        self._deadline.clear()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        self.over.callback(evolve(self._ended(), opened=self._opened))

    def _ended(self) -> ConnectionEnd:
        """Return how it ended: as we wanted, by a close frame, or by itself."""
        if self._ending is not None:
            return self._ending
        code, reason = self.remoteCloseCode, self.remoteCloseReason or ""
        if code is not None:
            why, advice = explain(code, reason)
            return ConnectionEnd(why, code=code, reason=reason, advice=advice)
        if self._opened or self._lost is None:
            return ConnectionEnd("the connection broke without a close frame")
        problem = self._owner.problem(self._lost)
        return ConnectionEnd(problem.text, advice=problem.advice)

    def replace_token(self, token: str) -> bool:
        """Send another token if events have begun; return whether it was sent."""
        sends = self._opened and self.state == self.STATE_OPEN
        if sends:
            self._say("token", token=token)
        return sends

    def finish(self) -> None:
        """Close it; `over` fires soon."""
        self._finish("closed here")

    def _say(self, operation: str, **data: str) -> None:
        message: dict[str, Any] = {"op": operation} | ({"data": data} if data else {})
        self.sendMessage(json.dumps(message).encode())

    def _finish(self, why: str, advice: Advice = Advice.RETRY) -> None:
        if self._ending is not None or self._gone:
            return
        self._ending = ConnectionEnd(why, advice=advice)
        if self.state == self.STATE_OPEN:
            self.sendClose(_NORMAL)
            self._abort_later()
        else:
            self.transport.abortConnection()

    def _abort_later(self) -> None:
        self._deadline.set(CLOSING_SECONDS, self.transport.abortConnection)

    def _within(self, why: str) -> None:
        """End it if events do not begin in time."""
        self._deadline.set(self._owner.opening_seconds, lambda: self._finish(why))


class WazoClient:
    """Receives events over a connection, and connects again when the connection ends.

    It stops after `close`, and after an end that only a change of the client or an administrator can mend.
    A refused token (4002, 4003) does not stop it: these codes also come while wazo-auth is away. Callbacks
    are set by the methods `on_…`, which can be used as decorators; the client logs an exception of a
    callback and goes on.

    Args:
        url: ws: or wss:, as in "wss://pbx.example.com:9502/".
        token: the token, or a function that returns it. The client calls the function before each attempt
            and after a refused token. With another token the client connects at once, but not more often
            than once in the longest pause; else it retries after a pause. If the function returns "", the
            client keeps the last token. If the function raises, the client logs it and retries after a
            pause.
        events: names to subscribe to; "*" is every event.
        reactor: time and connections; None: Twisted's own.
        endpoint: how to reach the other end; None: as the URL says.
        tls: TLS options in place of those for the host of the URL, such as
            `tls_for(host, trust_in(file))` of `wsevents.endpoints.tls_client`.
        backoff: the pauses between attempts; None: from 1 s up to 32 s.
        opening_seconds: how long an attempt may take until events begin, from the TCP connection on.
        keep_alive: seconds between two pings; an end that says nothing for two of these is given up.
        message_max: bytes of a message; a longer one ends the connection.

    Attributes:
        place: host and port of the URL.
        over: fires with the last `ConnectionEnd`, when there will be no other attempt.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        events: Sequence[str] = ("*",),
        *,
        reactor: Any = None,
        endpoint: IStreamClientEndpoint | None = None,
        tls: Any = None,
        backoff: Backoff | None = None,
        opening_seconds: float = 20.0,
        keep_alive: float = 60.0,
        message_max: int = MESSAGE_MAX,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 importing it installs it
        self._reactor: Any = reactor
        self._token = token
        self.events = tuple(events)
        self._autobahn = autobahn_factory(_versioned(url), reactor, message_max)
        self._endpoint = endpoint or endpoint_for(self._autobahn, reactor, tls)
        self._backoff = backoff or Backoff(SystemRandom())
        self.opening_seconds, self.keep_alive = opening_seconds, keep_alive
        self.place = place_of(self._autobahn.host, self._autobahn.port)
        self.over: Deferred[ConnectionEnd] = Deferred()
        self._callbacks: dict[str, Callable[..., Any]] = {}
        self._connection: _Connection | None = None
        self._waits = CancellableWait()
        self._started = self._stopping = False
        self._shown = ""  # the token that the other end saw last
        self._at_once_from = -inf  # when the next attempt without a pause may be made

    def start(self) -> None:
        """Connect, and stay connected; once."""
        if not self._started:
            self._started = True
            running = Deferred.fromCoroutine(self._run())
            running.addCallbacks(self.over.callback, self.over.errback)

    def close(self) -> Deferred[ConnectionEnd]:
        """Say goodbye, and connect no more; fires when all is over."""
        self._stopping = True
        if self._connection is not None:
            self._connection.finish()
        elif not self._started:
            self._started = True
            self.over.callback(ConnectionEnd("closed here"))
        else:
            self._waits.cut()
        done: Deferred[ConnectionEnd] = Deferred()
        self.over.addBoth(_pass, done)
        return done

    def replace_token(self, token: str) -> None:
        """Go on with another token, from now on and on the connection that there is."""
        self._token = token
        if self._connection is not None and self._connection.replace_token(token):
            self._shown = token

    # -- callbacks ----------------------------------------------------------------------------

    def on_open(self, callback: C) -> C:
        """Call `callback(client)` each time events begin."""
        return self._set("open", callback)

    def on_event(self, callback: C) -> C:
        """Call `callback(client, event)` for each event: the JSON object that was published."""
        return self._set("event", callback)

    def on_close(self, callback: C) -> C:
        """Call `callback(client, ending, seconds)` each time a connection, or an attempt, has ended.

        `seconds` is the pause until the next attempt; 0: at once, with another token; None: there is no
        other attempt.
        """
        return self._set("close", callback)

    def _set(self, what: str, callback: C) -> C:
        self._callbacks[what] = callback
        return callback

    def _call(self, what: str, *arguments: Any) -> None:
        callback = self._callbacks.get(what)
        if callback is None:
            return
        try:
            callback(self, *arguments)
        except Exception:  # noqa: BLE001 whatever the program does wrong, the connection is not to blame
            _log.error(
                "a callback for on_{what} failed: {safe_location}",
                what=what,
                safe_location=safe_location(Failure()),
            )

    def opened(self) -> None:
        """Tell that events begin; the connection's call."""
        self._backoff.reset()
        self._call("open")

    def received(self, event: dict[str, Any]) -> None:
        """Pass an event on; the connection's call."""
        self._call("event", event)

    def problem(self, failure: Failure) -> ConnectProblem:
        """Say why there is no connection; the connection's call."""
        return of_failure(failure, self._autobahn.host, self._autobahn.port)

    # -- one attempt after the other ----------------------------------------------------------

    async def _run(self) -> ConnectionEnd:
        ending = ConnectionEnd("closed here")
        await self._waits.until(deferLater(self._reactor, 0))
        another: str | None = None
        while not self._stopping:
            token = self._current() if another is None else another
            ending = _NO_TOKEN if token is None else await self._attempt(token)
            self._connection = None
            another = self._another_token(ending)
            seconds = self._wait(ending, another)
            self._call("close", ending, seconds)
            if seconds is None or self._stopping:
                break
            await self._waits.until(deferLater(self._reactor, seconds))
        return ending

    def _current(self) -> str | None:
        """Return the token for an attempt now; None: the function for it raised."""
        if isinstance(self._token, str):
            return self._token
        try:
            return self._token() or self._shown
        except Exception:  # noqa: BLE001 it may ask a service that is away
            _log.error("the token function failed: {safe_location}", safe_location=safe_location(Failure()))
            return None

    def _another_token(self, ending: ConnectionEnd) -> str | None:
        """Return the token for an attempt without a pause, or None: the client has to wait.

        A server may refuse every token, so this is possible once in the longest pause only.
        """
        now = self._reactor.seconds()
        if self._stopping or ending.advice is not Advice.TOKEN or now < self._at_once_from:
            return None
        token = self._current()
        if not token or token == self._shown:
            return None
        self._at_once_from = now + self._backoff.longest
        return token

    def _wait(self, ending: ConnectionEnd, another: str | None) -> float | None:
        """Return the seconds until the next attempt; None: another attempt would be useless."""
        if self._stopping or ending.advice in HOPELESS:
            return None
        return self._backoff.next() if another is None else 0.0

    async def _attempt(self, token: str) -> ConnectionEnd:
        """Dial, and stay; return how it ended."""
        self._shown = token
        connection = _Connection(self, self._reactor, token)
        connection.factory = self._autobahn
        failure = await self._waits.until(self._endpoint.connect(SingleUseFactory(connection)))
        if failure is not None:
            if self._stopping:
                return ConnectionEnd("closed here")
            problem = self.problem(failure)
            return ConnectionEnd(problem.text, advice=problem.advice)
        self._connection = connection
        if self._stopping:
            connection.finish()
        return await connection.over


def _pass(result: Any, done: Deferred[Any]) -> Any:
    """Tell somebody else, too."""
    done.callback(None if isinstance(result, Failure) else result)
    return result
