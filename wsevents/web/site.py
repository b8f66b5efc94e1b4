"""Answers plain HTTP requests: the page at `/`, `POST /publish`, and 426 (Upgrade Required) for the rest."""

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
"""Bytes of the body of a request, at most."""
IDLE_SECONDS = 30
"""Seconds after which an idle connection is closed."""

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
        publish: the resource for `POST /publish`; None: the site has no such resource.
        scripts: the page scripts of the dialects that the gateway serves.
        reactor: runs the timeouts; None: the global reactor of Twisted.
    """
    return QuietSite(Front(publish, scripts), BoundedRequest, IDLE_SECONDS, reactor)


class BoundedRequest(Request):
    """A request with a bounded body. A larger body gets a 413 response before it is read."""

    _rejected = False
    _size = 0

    def gotLength(self, length: int | None) -> None:
        """Reject a body whose Content-Length is too large, and accept one request per connection.

        A second request on the connection could be an upgrade, which this class does not support.
        """
        self.channel.persistent = False
        self.setHeader("Connection", "close")
        super().gotLength(min(length or 0, BODY_MAX))
        if length is not None and length > BODY_MAX:
            self._reject()

    def handleContentChunk(self, data: bytes) -> None:
        """Reject a body that exceeds the limit without a Content-Length."""
        self._size += len(data)
        if not self._rejected and self._size > BODY_MAX:
            self._reject()
        if not self._rejected:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Process the request, unless it was rejected."""
        if not self._rejected:
            super().requestReceived(command, path, version)

    def _reject(self) -> None:
        self._rejected = True
        self.channel.write(_TOO_LARGE)
        self.channel.loseConnection()


class QuietSite(Site):
    """A site without an access log, because URLs can contain tokens."""

    noisy = False

    def __init__(
        self, root: Resource, requests: type[Request], timeout: float, reactor: IReactorTime | None
    ) -> None:
        # The site has no forms, and parsing a form can need much memory.
        super().__init__(root, requests, timeout=timeout, reactor=reactor, parsePOSTFormSubmission=False)

    def startFactory(self) -> None:
        """Do nothing: Twisted starts the clock of the access log here."""

    def log(self, request: Any) -> None:
        """Do nothing: there is no access log."""

    def acceptableProtocols(self) -> list[bytes]:
        """Return HTTP/1.1 only (RFC 7301), which the WebSocket upgrade requires."""
        return [b"http/1.1"]


class Front(Resource):
    """The only resource of the site: it answers every path."""

    isLeaf = True

    def __init__(self, publish: PublishResource | None, scripts: Iterable[str]) -> None:
        super().__init__()
        self._publish = publish
        self._page = load(publish=publish is not None, scripts=scripts)

    def render(self, request: Request) -> Any:
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
            return _respond(request, HTTPStatus.UPGRADE_REQUIRED, _WEBSOCKET_ONLY)
        if request.method not in {b"GET", b"HEAD"}:
            request.setHeader("Allow", "GET, HEAD")
            return _respond(
                request, HTTPStatus.METHOD_NOT_ALLOWED, b"This resource supports GET and HEAD only.\n"
            )
        host = request.requestHeaders.getRawHeaders("Host", [None])[0]
        request.setHeader("Content-Security-Policy", self._page.policy(host, secure=bool(request.isSecure())))
        return _respond(request, HTTPStatus.OK, self._page.html, "text/html")


def _respond(request: Request, status: HTTPStatus, text: bytes, kind: str = "text/plain") -> bytes:
    """Set status and headers of a response and return its body.

    The body for HEAD is empty: otherwise Twisted would log the request with its URL.
    """
    request.setResponseCode(status, status.phrase.encode())
    request.setHeader("Content-Type", f"{kind}; charset=utf-8")
    request.setHeader("Content-Length", str(len(text)))
    return b"" if request.method == b"HEAD" else text
