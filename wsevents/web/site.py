"""What a plain HTTP request gets: the page at `/`, a place to publish, or "this is a WebSocket service"."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from wsevents.web.page import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.interfaces import IReactorTime

    from wsevents.web.publish import PublishResource

BODY_MAX = 65536
"""Largest body of a request, in bytes."""
IDLE_SECONDS = 30
"""How long a connection may be silent."""

_WEBSOCKET_ONLY = b"This is a WebSocket service: connect to it with wss://, or open / in a browser.\n"
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def make_site(
    publish: PublishResource | None = None,
    *,
    scripts: Iterable[str] = (),
    reactor: IReactorTime | None = None,
) -> Site:
    """Return the site.

    Args:
        publish: what `POST /publish` does; None: it is not there.
        scripts: what the page needs to speak the protocols that the gateway serves.
        reactor: for time-outs; None: Twisted's own.
    """
    return QuietSite(Front(publish, scripts), BoundedRequest, IDLE_SECONDS, reactor)


class BoundedRequest(Request):
    """A request whose body is small; a larger one is refused before it is read."""

    _refused = False
    _size = 0

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too large; answer one request a connection.

        What follows on a connection might ask for a WebSocket, and is not looked at here.
        """
        self.channel.persistent = False
        self.setHeader("Connection", "close")
        super().gotLength(min(length or 0, BODY_MAX))
        if length is not None and length > BODY_MAX:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Refuse a body that turns out to be too large."""
        self._size += len(data)
        if not self._refused and self._size > BODY_MAX:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Answer, unless that was done already."""
        if not self._refused:
            super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        self._refused = True
        self.channel.write(_TOO_LARGE)
        self.channel.loseConnection()


class QuietSite(Site):
    """A site that logs no requests: their addresses may hold tokens."""

    noisy = False

    def __init__(
        self, root: Resource, requests: type[Request], timeout: float, reactor: IReactorTime | None
    ) -> None:
        # Forms are not used here, and reading them can cost much memory.
        super().__init__(root, requests, timeout=timeout, reactor=reactor, parsePOSTFormSubmission=False)

    def startFactory(self) -> None:
        """Do not start the clock of the access log."""

    def log(self, request: Any) -> None:
        """Do not write an access log."""

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only (RFC 7301): WebSockets begin there."""
        return [b"http/1.1"]


class Front(Resource):
    """Everything there is."""

    isLeaf = True

    def __init__(self, publish: PublishResource | None, scripts: Iterable[str]) -> None:
        super().__init__()
        self._publish = publish
        self._page = load(publish=publish is not None, scripts=scripts)

    def render(self, request: Request) -> Any:
        """Answer a request."""
        for name, value in (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ):
            request.setHeader(name, value)
        if self._publish is not None and request.path == b"/publish" and request.method == b"POST":
            return self._publish.render(request)
        if request.path != b"/":
            request.setHeader("Upgrade", "websocket")
            request.setHeader("Connection", "Upgrade, close")  # RFC 9110 section 7.8
            return _say(request, HTTPStatus.UPGRADE_REQUIRED, _WEBSOCKET_ONLY)
        if request.method not in {b"GET", b"HEAD"}:
            request.setHeader("Allow", "GET, HEAD")
            return _say(request, HTTPStatus.METHOD_NOT_ALLOWED, b"There is only a page to read here.\n")
        host = request.requestHeaders.getRawHeaders("Host", [None])[0]
        request.setHeader("Content-Security-Policy", self._page.policy(host, secure=bool(request.isSecure())))
        return _say(request, HTTPStatus.OK, self._page.html, "text/html")


def _say(request: Request, status: HTTPStatus, text: bytes, kind: str = "text/plain") -> bytes:
    """Set the head of an answer and return its body.

    Of a body that answers HEAD, Twisted would log the request, address and all.
    """
    request.setResponseCode(status, status.phrase.encode())
    request.setHeader("Content-Type", f"{kind}; charset=utf-8")
    request.setHeader("Content-Length", str(len(text)))
    return b"" if request.method == b"HEAD" else text
