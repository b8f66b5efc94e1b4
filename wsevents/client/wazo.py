"""A client of Wazo's protocol, version 2 (`docs/protocol/wazo.md`), for Twisted programs."""

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
from wsevents.client.connect_errors import ConnectProblem, address_of, of_failure, of_status
from wsevents.client.deadline import Deadline
from wsevents.core.backoff import Backoff
from wsevents.logs.null_logger import NullLogger
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint

VERSION = 2
MESSAGE_MAX = 16 * 1048576
"""Maximum bytes of an event; the gateway has no maximum."""
FINAL = frozenset({Advice.FIX, Advice.ASK})
"""Advice of closings after which the client does not reconnect, because the attempt would fail again."""
_NORMAL = 1000
_NO_TOKEN = ConnectionEnd("not connected: the token function failed")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_KNOWN = {(one.code, one.reason): one for one in vars(close_reasons).values() if isinstance(one, CloseReason)}
_log = Logger()
C = TypeVar("C", bound=Callable[..., Any])


def explain(code: int, reason: str) -> tuple[str, Advice]:
    """Return the meaning and the advice of a close frame, from `wsevents.api.close_reasons`.

    An unknown pair of code and reason gets a neutral text and the advice to retry, even if the code is
    known.
    """
    if code == _NORMAL:
        return "the server closed the connection", Advice.RETRY
    text = f"closed with {code}{f' {reason}' if reason else ''}"
    known = _KNOWN.get((code, reason))
    if known is None:
        return text, Advice.RETRY
    return f"{text}: {known.meaning} What to do: {known.advice.value}.", known.advice


def _versioned(url: str) -> str:
    """Return the URL with the query parameter `version`. Raises ValueError if it is not a valid URL."""
    parts = urlsplit(url)
    fields = [(name, value) for name, value in parse_qsl(parts.query) if name != "version"]
    return urlunsplit(parts._replace(query=urlencode([*fields, ("version", str(VERSION))])))


class _Connection(WebSocketClientProtocol):
    """One connection. Names without an underscore may belong to Autobahn.

    Attributes:
        finished: fires with a `ConnectionEnd` when the connection is closed.
    """

    log = NullLogger()
    transport: Any

    def __init__(self, owner: WazoClient, clock: IReactorTime, token: str) -> None:
        super().__init__()
        self.finished: Deferred[ConnectionEnd] = Deferred()
        self._owner = owner
        self._clock = clock
        self._token = token
        self._opened = self._closed = False
        self._ending: ConnectionEnd | None = None
        self._lost: Failure | None = None
        self._deadline = Deadline(clock)
        self._next_ping: IDelayedCall | None = None
        self._received_at = 0.0

    # -- from the network ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._close_unless_opened("the server did not answer in time")
        super().connectionMade()

    def onConnecting(self, transport_details: Any) -> ConnectingRequest:
        """Send the token in a header, because proxies log the URL."""
        factory = self.factory
        return ConnectingRequest(
            host=factory.host,
            port=factory.port,
            resource=factory.resource,
            headers={"X-Auth-Token": self._token} if self._token else None,
            useragent=factory.useragent,
        )

    def processHandshake(self) -> None:
        """Process the server's handshake; Autobahn raises if it is not text."""
        status = _STATUS.match(self.data)
        if status and int(status[1]) != 101:  # noqa: PLR2004 Switching Protocols
            problem = of_status(int(status[1]), self._owner.address)
            self._finish(problem.text, problem.advice)
            return
        try:
            super().processHandshake()
        except Exception:  # noqa: BLE001 Autobahn does not specify the exception
            self._finish(f"{self._owner.address} is not a WebSocket server; correct the address", Advice.FIX)

    def failHandshake(self, reason: str) -> None:
        """Close the connection after an invalid handshake."""
        self._finish(f"{self._owner.address} is not a WebSocket server; correct the address", Advice.FIX)

    def onOpen(self) -> None:
        """Subscribe and start. The server answers only after it has accepted the token."""
        self._received_at = self._clock.seconds()
        for name in self._owner.events:
            self._send_operation("subscribe", event_name=name)
        self._send_operation("start")

    def onPing(self, payload: bytes) -> None:
        self._received_at = self._clock.seconds()
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        self._received_at = self._clock.seconds()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Process a message; ignore a message that the protocol does not have."""
        self._received_at = self._clock.seconds()
        if isBinary or self._ending is not None:
            return
        try:
            message = parse_object(payload)
        except ValueError:
            return
        operation, data = message.get("op"), message.get("data")
        if operation == "start" and not self._opened:
            self._events_began()
        elif operation == "event" and isinstance(data, dict):
            self._owner.received(data)

    def _events_began(self) -> None:
        self._opened = True
        self._deadline.clear()
        self._next_ping = self._clock.callLater(self._owner.keep_alive, self._ping)
        self._owner.opened()

    def _ping(self) -> None:
        """Send a ping, or close the connection if the server has sent nothing for too long."""
        self._next_ping = None
        if self.state != self.STATE_OPEN:
            return
        if self._clock.seconds() - self._received_at >= 2 * self._owner.keep_alive:
            self._finish("the server sent nothing for too long")
            self.transport.abortConnection()
            return
        self.sendPing(b"wsevents")
        self._next_ping = self._clock.callLater(self._owner.keep_alive, self._ping)

    # -- the end ------------------------------------------------------------------------------

    def onCloseFrame(self, code: Any, reasonRaw: Any) -> Any:
        """Answer the close frame; abort the connection if the server does not close it in time."""
        answer = super().onCloseFrame(code, reasonRaw)
        if not self._closed:
            self._abort_later()
        return answer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keep the failure: Autobahn passes only its text to `onClose`."""
        self._lost = reason
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Fire `finished`. Autobahn also calls this if the WebSocket was never open."""
        if self._closed:
            return
        self._closed = True
        self._deadline.clear()
        if self._next_ping is not None:
            self._next_ping.cancel()
            self._next_ping = None
        self.finished.callback(evolve(self._connection_end(), opened=self._opened))

    def _connection_end(self) -> ConnectionEnd:
        """Return how the connection ended: by the client, by a close frame of the server, or by an error."""
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
        """Send another token, if the server sends events; return whether it was sent."""
        sends = self._opened and self.state == self.STATE_OPEN
        if sends:
            self._send_operation("token", token=token)
        return sends

    def finish(self) -> None:
        """Close the connection; `finished` fires later."""
        self._finish("closed by the client")

    def _send_operation(self, operation: str, **data: str) -> None:
        message: dict[str, Any] = {"op": operation} | ({"data": data} if data else {})
        self.sendMessage(json.dumps(message).encode())

    def _finish(self, why: str, advice: Advice = Advice.RETRY) -> None:
        if self._ending is not None or self._closed:
            return
        self._ending = ConnectionEnd(why, advice=advice)
        if self.state == self.STATE_OPEN:
            self.sendClose(_NORMAL)
            self._abort_later()
        else:
            self.transport.abortConnection()

    def _abort_later(self) -> None:
        self._deadline.set(CLOSING_SECONDS, self.transport.abortConnection)

    def _close_unless_opened(self, why: str) -> None:
        """Close the connection if the server does not begin to send events in time."""
        self._deadline.set(self._owner.opening_seconds, lambda: self._finish(why))


class WazoClient:
    """Receives events, and reconnects when the connection ends.

    It stops after `close`, and after a closing that only the operator or the client's author can fix. A
    rejected token (4002, 4003) does not stop it, because the gateway also sends these codes while wazo-auth
    is not available. The methods `on_…` set callbacks, and can be used as decorators. The client logs an
    exception of a callback and continues.

    Args:
        url: ws: or wss: URL, such as "wss://pbx.example.com:9502/".
        token: the token, or a function that returns it. The client calls the function before each attempt
            and after the server has rejected a token. With another token the client reconnects at once, but
            at most once per longest delay; otherwise it retries after a delay. If the function returns "",
            the client keeps the last token. If the function raises, the client logs it and retries after a
            delay.
        events: names to subscribe to; "*" is every event.
        reactor: reactor for time and connections; None: Twisted's global reactor.
        endpoint: endpoint to connect to; None: host and port of the URL.
        tls: TLS options, such as `tls_for(host, trust_in(file))` of `wsevents.endpoints.tls_client`; None:
            the certificate must be for the host of the URL and be signed by a CA of the system.
        backoff: the delays between attempts; None: from 1 s to 32 s.
        opening_seconds: maximum seconds from the TCP connection until the server begins to send events.
        keep_alive: seconds between two pings. The client reconnects if the server sends nothing for twice
            this time.
        message_max: maximum bytes of a message; a longer message ends the connection.

    Attributes:
        address: host and port of the URL.
        finished: fires with the last `ConnectionEnd`, when the client will not reconnect.

    Raises:
        ValueError: the URL is not valid.
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
        self.address = address_of(self._autobahn.host, self._autobahn.port)
        self.finished: Deferred[ConnectionEnd] = Deferred()
        self._callbacks: dict[str, Callable[..., Any]] = {}
        self._connection: _Connection | None = None
        self._waits = CancellableWait()
        self._started = self._stopping = False
        self._sent = ""  # the last token that the client sent
        self._no_delay_before = -inf  # time before which every attempt has a delay

    def start(self) -> None:
        """Start to connect. A second call has no effect."""
        if not self._started:
            self._started = True
            running = Deferred.fromCoroutine(self._run())
            running.addCallbacks(self.finished.callback, self.finished.errback)

    def close(self) -> Deferred[ConnectionEnd]:
        """Close the connection and do not reconnect; the Deferred fires when the connection is closed."""
        self._stopping = True
        if self._connection is not None:
            self._connection.finish()
        elif not self._started:
            self._started = True
            self.finished.callback(ConnectionEnd("closed by the client"))
        else:
            self._waits.cancel()
        done: Deferred[ConnectionEnd] = Deferred()
        self.finished.addBoth(_notify, done)
        return done

    def replace_token(self, token: str) -> None:
        """Use another token from now on, and send it on the open connection."""
        self._token = token
        if self._connection is not None and self._connection.replace_token(token):
            self._sent = token

    # -- callbacks ----------------------------------------------------------------------------

    def on_open(self, callback: C) -> C:
        """Call `callback(client)` each time the server begins to send events."""
        return self._set("open", callback)

    def on_event(self, callback: C) -> C:
        """Call `callback(client, event)` for each event, which is the published JSON object."""
        return self._set("event", callback)

    def on_close(self, callback: C) -> C:
        """Call `callback(client, ending, seconds)` after the end of each connection or attempt.

        `ending` is a `ConnectionEnd`. `seconds` is the delay before the next attempt; 0: at once, with
        another token; None: no other attempt.
        """
        return self._set("close", callback)

    def _set(self, name: str, callback: C) -> C:
        self._callbacks[name] = callback
        return callback

    def _call(self, name: str, *arguments: Any) -> None:
        callback = self._callbacks.get(name)
        if callback is None:
            return
        try:
            callback(self, *arguments)
        except Exception:  # noqa: BLE001 an error of the program must not end the connection
            _log.error(
                "the callback on_{name} failed: {safe_location}",
                name=name,
                safe_location=safe_location(Failure()),
            )

    def opened(self) -> None:
        """Handle the begin of events. Only the connection calls this."""
        self._backoff.reset()
        self._call("open")

    def received(self, event: dict[str, Any]) -> None:
        """Pass an event to the program. Only the connection calls this."""
        self._call("event", event)

    def problem(self, failure: Failure) -> ConnectProblem:
        """Explain a failed attempt. Only the connection calls this."""
        return of_failure(failure, self._autobahn.host, self._autobahn.port)

    # -- connecting and reconnecting ----------------------------------------------------------

    async def _run(self) -> ConnectionEnd:
        ending = ConnectionEnd("closed by the client")
        await self._waits.until(deferLater(self._reactor, 0))
        new_token: str | None = None
        while not self._stopping:
            token = self._current_token() if new_token is None else new_token
            ending = _NO_TOKEN if token is None else await self._attempt(token)
            self._connection = None
            new_token = self._new_token(ending)
            seconds = self._delay(ending, new_token)
            self._call("close", ending, seconds)
            if seconds is None or self._stopping:
                break
            await self._waits.until(deferLater(self._reactor, seconds))
        return ending

    def _current_token(self) -> str | None:
        """Return the token for an attempt now; None: the token function raised an exception."""
        if isinstance(self._token, str):
            return self._token
        try:
            return self._token() or self._sent
        except Exception:  # noqa: BLE001 any exception of the program's function
            _log.error("the token function failed: {safe_location}", safe_location=safe_location(Failure()))
            return None

    def _new_token(self, ending: ConnectionEnd) -> str | None:
        """Return a new token for an attempt without a delay; None: the next attempt has a delay.

        A server may reject every token, so at most one attempt per longest delay has no delay.
        """
        now = self._reactor.seconds()
        if self._stopping or ending.advice is not Advice.TOKEN or now < self._no_delay_before:
            return None
        token = self._current_token()
        if not token or token == self._sent:
            return None
        self._no_delay_before = now + self._backoff.longest
        return token

    def _delay(self, ending: ConnectionEnd, new_token: str | None) -> float | None:
        """Return the seconds until the next attempt; None: no other attempt."""
        if self._stopping or ending.advice in FINAL:
            return None
        return self._backoff.next() if new_token is None else 0.0

    async def _attempt(self, token: str) -> ConnectionEnd:
        """Connect and return how the connection ended."""
        self._sent = token
        connection = _Connection(self, self._reactor, token)
        connection.factory = self._autobahn
        failure = await self._waits.until(self._endpoint.connect(SingleUseFactory(connection)))
        if failure is not None:
            if self._stopping:
                return ConnectionEnd("closed by the client")
            problem = self.problem(failure)
            return ConnectionEnd(problem.text, advice=problem.advice)
        self._connection = connection
        if self._stopping:
            connection.finish()
        return await connection.finished


def _notify(result: Any, done: Deferred[Any]) -> Any:
    """Fire `done` with the result or, after a failure, with None; return the result."""
    done.callback(None if isinstance(result, Failure) else result)
    return result
