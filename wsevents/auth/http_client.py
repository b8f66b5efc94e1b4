"""An HTTP client for one server: bounded responses, cancellable requests, one kind of error.

Rule: the text of an error never contains data that the gateway sent.
"""

from __future__ import annotations

import errno
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from attrs import define, frozen
from OpenSSL.SSL import Error as TLSError
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from wsevents import __version__
from wsevents.api.errors import WseventsError
from wsevents.auth.tls_connections import Connections
from wsevents.endpoints.tls_client import CertificateRefusedError, Fault, over_tls
from wsevents.system.sockets import MORE_FILES

if TYPE_CHECKING:
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
    from twisted.web.iweb import IResponse

_AGENT = f"wsevents/{__version__}"
_LARGEST_BODY = 1048576
_KEPT_SECONDS = 60
_REMEDIES = {Fault.TRUST: "name the CA certificate that signed it in verify_certificate"}


class UnreachableError(WseventsError):
    """A request got no usable response. The text gives the reason and contains no secret."""


@frozen
class Reply:
    """An HTTP response."""

    status: int
    body: bytes


class _Body(Protocol):
    """Collects the body of a response of at most `_LARGEST_BODY` bytes."""

    def __init__(self, whole: Deferred[bytes]) -> None:
        self._whole: Deferred[bytes] | None = whole
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= _LARGEST_BODY:
            self._pieces.append(data)
        else:
            self._fail(UnreachableError(f"the response is larger than {_LARGEST_BODY} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._whole is None:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            whole, self._whole = self._whole, None
            whole.callback(b"".join(self._pieces))
        else:
            self._fail(UnreachableError("the connection was lost during the response"))

    def cancel(self) -> None:
        self._fail(CancelledError())

    def _fail(self, error: Exception) -> None:
        whole, self._whole = self._whole, None
        if self.transport is not None:
            self.transport.loseConnection()
        if whole is not None:
            whole.errback(error)


def _body(response: IResponse) -> Deferred[bytes]:
    """Return the whole body. Cancelling the Deferred closes the connection."""
    collector: _Body
    whole: Deferred[bytes] = Deferred(lambda _: collector.cancel())
    collector = _Body(whole)
    response.deliverBody(collector)
    return whole


def _cause(error: Exception) -> object:
    """Return the first reason of an error. The HTTP client wraps every reason, also a cancellation."""
    reasons = getattr(error, "reasons", None)
    cause = reasons[0] if reasons else error
    return cause.value if isinstance(cause, Failure) else cause


def _reason(cause: object) -> str:
    """Return why a request failed, built only from texts that cannot contain sent data."""
    if isinstance(cause, CertificateRefusedError):
        return cause.explained(_REMEDIES)
    if isinstance(cause, TLSError):
        texts = [entry[-1] for entry in cause.args[0]] if cause.args and cause.args[0] else []
        return f"TLS: {', '.join(texts) or 'the handshake failed'}"
    if getattr(cause, "osError", None) == errno.EMFILE:
        return f"too many open files ({MORE_FILES})"
    if isinstance(cause, ConnectError | ConnectionClosed | UnreachableError):
        return str(cause).rstrip(".")
    return type(cause).__name__


@define(eq=False)
class HttpClient:
    """Sends requests to one server over persistent connections.

    It follows no redirects and keeps no cookies: both could send a secret to another server.

    Attributes:
        base: URL of the server, with the prefix, for log lines.
    """

    base: str
    _url: str
    _headers: Headers
    _reactor: Any
    _connections: Connections
    _pool: HTTPConnectionPool
    _http: HTTPClient

    @classmethod
    def create(
        cls,
        reactor: Any,
        *,
        host: str,
        port: int,
        prefix: str,
        tls: IOpenSSLClientConnectionCreator | None,
        kept: int,
    ) -> HttpClient:
        """Return a client. It connects at the first request.

        Args:
            reactor: IReactorTime and IReactorTCP.
            host: host name or IP address of the server.
            port: its port.
            prefix: path prefix of every request.
            tls: TLS settings of the connections, from `tls_for`; None means plain HTTP.
            kept: idle connections to keep open, at most.
        """
        endpoint: Any = HostnameEndpoint(reactor, host, port)
        connections = Connections(over_tls(endpoint, tls) if tls else endpoint)
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost, pool.cachedConnectionTimeout = kept, _KEPT_SECONDS
        agent = Agent.usingEndpointFactory(reactor, connections, pool)
        cookies = IndexableCookieJar(DefaultCookiePolicy(allowed_domains=[]))
        scheme, authority = "https" if tls else "http", f"{f'[{host}]' if ':' in host else host}:{port}"
        headers = Headers({"Host": [authority], "Accept": ["application/json"], "User-Agent": [_AGENT]})
        path = f"/{prefix.strip('/')}".rstrip("/")
        return cls(
            base=f"{scheme}://{authority}{path}",
            # treq fails to encode an IPv6 address as a host name. `tls_connections` ignores this host.
            url=f"{scheme}://localhost:{port}{path}",
            headers=headers,
            reactor=reactor,
            connections=connections,
            pool=pool,
            http=HTTPClient(agent, cookies),
        )

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """Send a request and return the response with its whole body.

        Args:
            method: GET, HEAD or POST.
            path: path below `base`, percent-encoded, with a leading slash.
            options: `json` and `auth` of treq.

        Raises:
            UnreachableError: no complete response was received.
            CancelledError: the request was cancelled.
        """
        try:
            response = await self._http.request(
                method,
                self._url + path,
                headers=self._headers.copy(),  # treq adds to them
                allow_redirects=False,
                unbuffered=True,
                reactor=self._reactor,
                **options,
            )
            return Reply(response.code, await _body(response))
        except Exception as error:  # noqa: BLE001 treq and Twisted document no common base class
            cause = _cause(error)
            if isinstance(cause, CancelledError):
                raise CancelledError from None
            raise UnreachableError(_reason(cause)) from None

    async def close(self) -> None:
        """Close every connection and wait until all are closed. Cancel pending requests first."""
        emptied = self._pool.closeCachedConnections()
        await self._connections.close()
        await emptied
