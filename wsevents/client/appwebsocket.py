"""The client's end of innovaphone's AppWebsocket, for Twisted programs."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.client.appwebsocket_connection import (
    FRAME_MAX,
    AppWebsocketConnection,
    Authentication,
    ConnectionEnd,
    NotOpenError,
)
from wsevents.client.cancellable_wait import CancellableWait
from wsevents.client.connect import SingleUseFactory, autobahn_factory, endpoint_for
from wsevents.core.backoff import Backoff
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from twisted.internet.interfaces import IStreamClientEndpoint

_log = Logger()
C = TypeVar("C", bound=Callable[..., Any])


class AppWebsocketClient:
    """A connection to an app service or a PBX, made anew whenever it is lost, until `close`.

    What is set before the connection is up counts for it: the dialling begins in the next turn of the
    reactor. Callbacks are set by the methods `on_…`, which can be used as decorators; one that raises
    is blamed in the log and changes nothing else.

    Args:
        url: ws: or wss:, as in "wss://pbx.example.com/PBX0/APPS/websocket".
        password: of the app at the other end; None: `on_auth` finds the login out.
        app: its name.
        domain, sip, guid, dn: the user that is logged in here.
        info: JSON text of an object that goes with the login.
        pbx_obj: name of the PBX object that stands for the other end.
        reactor: time and connections; None: Twisted's own.
        endpoint: how to reach the other end; None: as the URL says.
        tls: TLS options in place of those for the host of the URL, such as
            `tls_for(host, trust_in(file))` of `wsevents.endpoints.tls_client`.
        backoff: the pauses between attempts; None: from 1 s up to 32 s.
        login_seconds: how long the other end may take for each step up to the login.
        keep_alive: seconds between two KeepAlive messages; an end that says nothing for two of these is
            given up. Only for ends that answer them, as wsevents does. 0: none.
        message_max: bytes of a message; a longer one ends the connection.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        password: str | None = None,
        app: str = "",
        domain: str = "",
        sip: str = "",
        guid: str = "",
        dn: str = "",
        *,
        info: str | None = None,
        pbx_obj: str = "",
        reactor: Any = None,
        endpoint: IStreamClientEndpoint | None = None,
        tls: Any = None,
        backoff: Backoff | None = None,
        login_seconds: float = 10.0,
        keep_alive: float = 0.0,
        message_max: int = 1048576,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 importing it installs it
        self._reactor: Any = reactor
        self._login = AppLogin(app, domain, sip, guid, dn, info)
        self._password = password
        self._pbx_obj = pbx_obj
        self._autobahn = autobahn_factory(url, reactor, message_max, FRAME_MAX)
        self._endpoint = endpoint or endpoint_for(self._autobahn, reactor, tls)
        self._backoff = backoff or Backoff(SystemRandom())
        self._login_seconds = login_seconds
        self._keep_alive = keep_alive
        self._flow_control = False
        self._callbacks: dict[str, Callable[..., Any]] = {}
        self._connection: AppWebsocketConnection | None = None
        self._waits = CancellableWait()
        self._openings: list[tuple[Deferred[AppWebsocketClient], int | None]] = []
        self._closings: list[Deferred[None]] = []
        self._started = self._stopping = self._ended = False

    @classmethod
    def connect(cls, url: str, *arguments: Any, **options: Any) -> AppWebsocketClient:
        """Return a client that connects from the next turn of the reactor on; for the arguments see there."""
        client = cls(url, *arguments, **options)
        client.start()
        return client

    def start(self) -> None:
        """Connect, and stay connected; once."""
        if not self._started:
            self._started = True
            running = Deferred.fromCoroutine(self._run())
            running.addErrback(
                lambda failure: _log.error(
                    "a client failed: {safe_location}", safe_location=safe_location(failure)
                )
            )

    # -- callbacks ----------------------------------------------------------------------------

    def on_auth(self, callback: C) -> C:
        """Call `callback(client, app, challenge)` when there is a challenge, in place of using a password.

        It may return what `authentication` returns, now or later (Deferred or coroutine), or None and call
        `auth` at any time. What it raises or fails with ends the connection.
        """
        return self._set("auth", callback)

    def on_open(self, callback: C) -> C:
        """Call `callback(client)` each time it has logged in."""
        return self._set("open", callback)

    def on_message(self, callback: C) -> C:
        """Call `callback(client, text)` for each message."""
        return self._set("message", callback)

    def on_close(self, callback: C) -> C:
        """Call `callback(client, ending)` each time a connection, or an attempt, has ended."""
        return self._set("close", callback)

    def _set(self, what: str, callback: C) -> C:
        self._callbacks[what] = callback
        return callback

    def _call(self, what: str, *arguments: Any) -> None:
        callback = self._callbacks.get(what)
        if callback is None:
            return
        try:
            result = callback(self, *arguments)
            if isawaitable(result):
                ensureDeferred(_awaited(result)).addErrback(_blamed, what)
        except Exception:  # noqa: BLE001 whatever the program does wrong, the connection is not to blame
            _blamed(Failure(), what)

    # -- the login ----------------------------------------------------------------------------

    def auth(
        self,
        domain: str,
        sip: str,
        guid: str,
        dn: str,
        pbx_obj: str,
        app: str,
        info: str | None,
        digest: str,
        key: str,
    ) -> None:
        """Go on with a login that somebody else has made for the challenge, such as the PBX.

        Nothing of it may be changed. Without a challenge that waits for it, nothing happens.

        Args:
            domain: of the user.
            sip: the user's name in it.
            guid: of the user.
            dn: the user's name to show.
            pbx_obj: name of the PBX object that stands for the other end.
            app: name of the app at the other end.
            info: JSON text of an object, exactly as the digest has it; None or "": there is none.
            digest: of the login.
            key: the session key.

        Raises:
            ValueError: the info is not JSON text of an object.
        """
        connection = self._connection
        if connection is not None:
            connection.log_in(self.authentication(domain, sip, guid, dn, pbx_obj, app, info, digest, key))

    @staticmethod
    def authentication(
        domain: str,
        sip: str,
        guid: str,
        dn: str,
        pbx_obj: str,
        app: str,
        info: str | None,
        digest: str,
        key: str,
    ) -> Authentication:
        """Return such a login as a value, for a callback of `on_auth` to return; arguments as for `auth`."""
        login = AppLogin(app, domain, sip, guid, dn, info or None)
        return Authentication(login, digest, SessionKey(key), pbx_obj)

    def challenged(self, challenge: str) -> Any:
        """Answer a challenge; the connection's call."""
        callback = self._callbacks.get("auth")
        if callback is not None:
            found = callback(self, self._login.app, challenge)
            return ensureDeferred(_awaited(found)) if isawaitable(found) else found
        if self._password is None:
            raise ValueError("there is neither a password nor a callback for on_auth")
        digest = self._login.digest(challenge, self._password)
        return Authentication(self._login, digest, SessionKey.of(challenge, self._password), self._pbx_obj)

    def logged_in(self) -> None:
        """Tell everybody; the connection's call."""
        self._backoff.reset()
        self._call("open")
        openings, self._openings = self._openings, []
        for opening, _ in openings:
            opening.callback(self)

    # -- messages -----------------------------------------------------------------------------

    def send(self, message: str) -> None:
        """Send a text message.

        Raises:
            NotOpenError: it is not logged in.
            UnicodeEncodeError: UTF-8 cannot hold it.
        """
        self._logged_in().say(message)

    def received(self, text: str) -> None:
        """Pass a message on; the connection's call."""
        self._call("message", text)

    def set_flow_control(self, enabled: bool) -> None:
        """Have the next message handed over only after `message_complete`, or do not.

        In between nothing is read from the socket, so that the other end has to wait, whoever that is:
        its pings, too, wait for an answer.
        """
        self._flow_control = enabled
        if self._connection is not None:
            self._connection.set_flow_control(enabled)

    def message_complete(self) -> None:
        """Say that the message was dealt with, and the next may come."""
        if self._connection is not None:
            self._connection.message_complete()

    def encrypt(self, seed: str, data: str) -> str:
        """Return a text encrypted for the other end, in hexadecimal.

        Args:
            seed: different for each call, at most 190 bytes; the other end needs it.
            data: the text.

        Raises:
            NotOpenError: it is not logged in.
            ValueError: the seed is too long, or one of the two is no text.
        """
        return self._key().encrypt(seed, data)

    def decrypt(self, seed: str, data: str) -> str:
        """Return what the other end has encrypted with this seed. Raises as `encrypt`."""
        return self._key().decrypt(seed, data)

    def hash(self, seed: str, data: str) -> str:
        """Return a hash that only the two ends can make. Arguments and errors as for `encrypt`."""
        return self._key().hash(seed, data)

    def _logged_in(self) -> AppWebsocketConnection:
        if self._connection is None:
            raise NotOpenError("not connected")
        return self._connection

    def _key(self) -> SessionKey:
        key = self._logged_in().key
        if key is None:
            raise NotOpenError("not logged in")
        return key

    # -- up and down --------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """It is connected and logged in."""
        connection = self._connection
        return connection is not None and connection.key is not None and connection.is_open_for_messages

    def opened(self, attempts: int | None = None) -> Deferred[AppWebsocketClient]:
        """Return a Deferred that fires with the client when it is logged in; at once, if it is.

        Args:
            attempts: fail with NotOpenError after so many more that ended without a login; None: go on.
        """
        opening: Deferred[AppWebsocketClient] = Deferred()
        if self.is_open:
            opening.callback(self)
        elif self._stopping:
            opening.errback(NotOpenError("closed"))
        else:
            self._openings.append((opening, attempts))
        return opening

    def close(self) -> Deferred[None]:
        """Close, and do not connect again; fires when the connection is gone."""
        closed: Deferred[None] = Deferred()
        if self._ended or not self._started:
            self._started = self._ended = self._stopping = True
            closed.callback(None)
            return closed
        self._closings.append(closed)
        self._stopping = True
        if self._connection is not None:
            self._connection.finish()
        else:
            self._waits.cut()
        return closed

    async def _run(self) -> None:
        """Connect again and again, with growing pauses, until told to close.

        Twisted's ClientService would do, but it takes a TCP connection for success, or raises where one
        is lost before the login.
        """
        try:
            await self._wait(0)
            while not self._stopping:
                ending = await self._attempt()
                self._connection = None
                self._disappoint(ending)
                self._call("close", ending)
                if not self._stopping:
                    seconds = self._backoff.next()
                    _log.info(
                        "AppWebsocket: {why}; again in {seconds:.1f} s", why=ending.why, seconds=seconds
                    )
                    await self._wait(seconds)
        finally:
            self._ended = self._stopping = True
            self._connection = None
            self._say_closed()

    def _say_closed(self) -> None:
        openings, self._openings = self._openings, []
        for opening, _ in openings:
            opening.errback(NotOpenError("closed"))
        closings, self._closings = self._closings, []
        for closing in closings:
            closing.callback(None)

    async def _wait(self, seconds: float) -> None:
        """Wait; `close` cuts it short."""
        await self._waits.until(deferLater(self._reactor, seconds))

    async def _attempt(self) -> ConnectionEnd:
        """Dial, log in and stay; return how it ended."""
        connection = AppWebsocketConnection(
            self, self._reactor, self._login_seconds, self._keep_alive, self._flow_control
        )
        connection.factory = self._autobahn
        failure = await self._waits.until(self._endpoint.connect(SingleUseFactory(connection)))
        if failure is not None:
            why = "closed here" if self._stopping else f"cannot connect: {failure.getErrorMessage()}"
            return ConnectionEnd(why)
        self._connection = connection
        if self._stopping:
            connection.finish()
        return await connection.over

    def _disappoint(self, ending: ConnectionEnd) -> None:
        """Tell those who wait that this attempt was none; some will not wait any longer."""
        if ending.opened:
            return
        openings, self._openings = self._openings, []
        for opening, attempts in openings:
            if attempts == 1:
                opening.errback(NotOpenError(ending.why))
            else:
                self._openings.append((opening, None if attempts is None else attempts - 1))


async def _awaited(result: Any) -> Any:
    return await result


def _blamed(failure: Failure, what: str) -> None:
    _log.error(
        "a callback for on_{what} failed: {safe_location}", what=what, safe_location=safe_location(failure)
    )
