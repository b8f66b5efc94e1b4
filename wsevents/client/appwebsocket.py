"""A client of innovaphone's AppWebsocket protocol, for Twisted programs."""

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
    """Stays connected to an app service or a PBX, and logs in: it reconnects until `close`.

    It connects in the next turn of the reactor, so the program can set callbacks after creating it. The
    methods `on_…` set callbacks, and can be used as decorators. The client logs an exception of a callback
    and continues.

    Args:
        url: ws: or wss: URL, such as "wss://pbx.example.com/PBX0/APPS/websocket".
        password: password of the app; None: the callback of `on_auth` logs in.
        app: name of the app.
        domain, sip, guid, dn: the user, as in `auth`.
        info: JSON text of an object, which is part of the login.
        pbx_obj: name of the PBX object of the server.
        reactor: reactor for time and connections; None: Twisted's global reactor.
        endpoint: endpoint to connect to; None: host and port of the URL.
        tls: TLS options, such as `tls_for(host, trust_in(file))` of `wsevents.endpoints.tls_client`; None:
            the certificate must be for the host of the URL and be signed by a CA of the system.
        backoff: the delays between attempts; None: from 1 s to 32 s.
        login_seconds: maximum seconds for each step up to the login.
        keep_alive: seconds between two KeepAlive messages; 0: none. The client reconnects if the server
            sends nothing for twice this time. Only for servers that answer KeepAlive, such as wsevents.
        message_max: maximum bytes of a message; a longer message ends the connection.

    Raises:
        ValueError: the URL is not valid.
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
        """Return a started client; the arguments are those of the class."""
        client = cls(url, *arguments, **options)
        client.start()
        return client

    def start(self) -> None:
        """Start to connect. A second call has no effect."""
        if not self._started:
            self._started = True
            running = Deferred.fromCoroutine(self._run())
            running.addErrback(
                lambda failure: _log.error(
                    "an AppWebsocket client failed: {safe_location}", safe_location=safe_location(failure)
                )
            )

    # -- callbacks ----------------------------------------------------------------------------

    def on_auth(self, callback: C) -> C:
        """Call `callback(client, app, challenge)` for a challenge, instead of using the password.

        The callback returns an `authentication`, or a Deferred or coroutine of one; or it returns None, and
        the program calls `auth` later. An exception of the callback ends the connection.
        """
        return self._set("auth", callback)

    def on_open(self, callback: C) -> C:
        """Call `callback(client)` after each login."""
        return self._set("open", callback)

    def on_message(self, callback: C) -> C:
        """Call `callback(client, text)` for each message."""
        return self._set("message", callback)

    def on_close(self, callback: C) -> C:
        """Call `callback(client, ending)` after the end of each connection or attempt (`ConnectionEnd`)."""
        return self._set("close", callback)

    def _set(self, name: str, callback: C) -> C:
        self._callbacks[name] = callback
        return callback

    def _call(self, name: str, *arguments: Any) -> None:
        callback = self._callbacks.get(name)
        if callback is None:
            return
        try:
            result = callback(self, *arguments)
            if isawaitable(result):
                ensureDeferred(_awaited(result)).addErrback(_log_callback_failure, name)
        except Exception:  # noqa: BLE001 an error of the program must not end the connection
            _log_callback_failure(Failure(), name)

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
        """Answer the challenge with a login that another program, such as the PBX, made for it.

        The digest covers the arguments, so the program must not change them. Without an open challenge, the
        call has no effect.

        Args:
            domain: domain of the user.
            sip: name of the user in the domain.
            guid: GUID of the user.
            dn: display name of the user.
            pbx_obj: name of the PBX object of the server.
            app: name of the app.
            info: JSON text of an object, exactly as in the digest; None or "": no info.
            digest: digest of the login.
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
        """Return a login as a value, which the callback of `on_auth` can return. Arguments as for `auth`."""
        login = AppLogin(app, domain, sip, guid, dn, info or None)
        return Authentication(login, digest, SessionKey(key), pbx_obj)

    def challenged(self, challenge: str) -> Any:
        """Answer a challenge. Only the connection calls this."""
        callback = self._callbacks.get("auth")
        if callback is not None:
            result = callback(self, self._login.app, challenge)
            return ensureDeferred(_awaited(result)) if isawaitable(result) else result
        if self._password is None:
            raise ValueError("no password and no callback for on_auth")
        digest = self._login.digest(challenge, self._password)
        return Authentication(self._login, digest, SessionKey.of(challenge, self._password), self._pbx_obj)

    def logged_in(self) -> None:
        """Notify the program of a login. Only the connection calls this."""
        self._backoff.reset()
        self._call("open")
        openings, self._openings = self._openings, []
        for opening, _ in openings:
            opening.callback(self)

    # -- messages -----------------------------------------------------------------------------

    def send(self, message: str) -> None:
        """Send a text message.

        Raises:
            NotOpenError: the client is not logged in.
            UnicodeEncodeError: the text cannot be encoded as UTF-8.
        """
        self._logged_in().send_text(message)

    def received(self, text: str) -> None:
        """Pass a message to the program. Only the connection calls this."""
        self._call("message", text)

    def set_flow_control(self, enabled: bool) -> None:
        """Deliver each message only after `message_complete` for the previous one, or without waiting.

        Until `message_complete`, the client does not read from the socket, so TCP stops the server. The
        client also does not answer pings in this time.
        """
        self._flow_control = enabled
        if self._connection is not None:
            self._connection.set_flow_control(enabled)

    def message_complete(self) -> None:
        """Mark the delivered message as complete, so that the client delivers the next."""
        if self._connection is not None:
            self._connection.message_complete()

    def encrypt(self, seed: str, data: str) -> str:
        """Return a text encrypted for the server, in hexadecimal.

        Args:
            seed: at most 190 bytes, different for each call. The server needs it to decrypt.
            data: the text.

        Raises:
            NotOpenError: the client is not logged in.
            ValueError: the seed is too long, or an argument cannot be encoded as UTF-8.
        """
        return self._key().encrypt(seed, data)

    def decrypt(self, seed: str, data: str) -> str:
        """Return the text that the server encrypted with this seed. Raises as `encrypt`."""
        return self._key().decrypt(seed, data)

    def hash(self, seed: str, data: str) -> str:
        """Return a keyed hash that the server can check. Arguments and errors as for `encrypt`."""
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

    # -- connecting and closing ---------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """The client is connected and logged in."""
        connection = self._connection
        return connection is not None and connection.key is not None and connection.is_open_for_messages

    def opened(self, attempts: int | None = None) -> Deferred[AppWebsocketClient]:
        """Return a Deferred that fires with the client as soon as it is logged in.

        It fails with NotOpenError when the client is closed.

        Args:
            attempts: fail with NotOpenError after this number of attempts without a login; None: no limit.
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
        """Close the connection and do not reconnect; the Deferred fires when the connection is closed."""
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
            self._waits.cancel()
        return closed

    async def _run(self) -> None:
        """Connect and reconnect, with growing delays, until `close`.

        Twisted's ClientService is not used, because a TCP connection without a login must count as a failed
        attempt.
        """
        try:
            await self._wait(0)
            while not self._stopping:
                ending = await self._attempt()
                self._connection = None
                self._count_failed_attempt(ending)
                self._call("close", ending)
                if not self._stopping:
                    seconds = self._backoff.next()
                    _log.info(
                        "AppWebsocket: {why}; reconnecting in {seconds:.1f} s",
                        why=ending.why,
                        seconds=seconds,
                    )
                    await self._wait(seconds)
        finally:
            self._ended = self._stopping = True
            self._connection = None
            self._notify_closed()

    def _notify_closed(self) -> None:
        openings, self._openings = self._openings, []
        for opening, _ in openings:
            opening.errback(NotOpenError("closed"))
        closings, self._closings = self._closings, []
        for closing in closings:
            closing.callback(None)

    async def _wait(self, seconds: float) -> None:
        """Wait; `close` cancels the wait."""
        await self._waits.until(deferLater(self._reactor, seconds))

    async def _attempt(self) -> ConnectionEnd:
        """Connect, log in and return how the connection ended."""
        connection = AppWebsocketConnection(
            self, self._reactor, self._login_seconds, self._keep_alive, self._flow_control
        )
        connection.factory = self._autobahn
        failure = await self._waits.until(self._endpoint.connect(SingleUseFactory(connection)))
        if failure is not None:
            why = "closed by the client" if self._stopping else f"cannot connect: {failure.getErrorMessage()}"
            return ConnectionEnd(why)
        self._connection = connection
        if self._stopping:
            connection.finish()
        return await connection.finished

    def _count_failed_attempt(self, ending: ConnectionEnd) -> None:
        """Count a failed attempt for the Deferreds of `opened`, and fail those that reach their limit."""
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


def _log_callback_failure(failure: Failure, name: str) -> None:
    _log.error(
        "the callback on_{name} failed: {safe_location}", name=name, safe_location=safe_location(failure)
    )
