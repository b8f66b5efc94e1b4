"""The status listener's site: `/metrics`, `/status`, `/health`, `/ready`, `/sessions` and `/kick`.

A client that can connect may read everything and close any session. So the listener is for this machine
only. A web page in a browser on this machine could send requests to it. Therefore requests that come from
a page are rejected, and so are host names, because an attacker can point a name to this machine.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from wsevents import __version__
from wsevents.admin.prometheus import exposition
from wsevents.admin.sessions import session_filter
from wsevents.api.errors import UnansweredError
from wsevents.api.strict_json import parse_object
from wsevents.logs.redaction import safe_location
from wsevents.web.site import IDLE_SECONDS, BoundedRequest, QuietSite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure
    from twisted.web.server import Request, Site

    from wsevents.admin.cluster_view import ClusterReport, ClusterView
    from wsevents.admin.sessions import SessionFilter

JSON = "application/json"
_log = Logger()


class HttpError(Exception):
    """A request that is answered with an error; the text is for the client."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@frozen
class HttpAnswer:
    """Body, content type and status of a response."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK


def make_status_site(view: ClusterView, started: float, pid: int, reactor: IReactorTime) -> Site:
    """Return the site.

    Args:
        view: the source of the answers.
        started: start time of the service, in seconds since 1970.
        pid: of the process that takes signals.
        reactor: for timeouts.
    """
    return QuietSite(StatusResource(view, started, pid), BoundedRequest, IDLE_SECONDS, reactor)


class StatusResource(Resource):
    """Answers all paths of the site."""

    isLeaf = True

    def __init__(self, view: ClusterView, started: float, pid: int) -> None:
        super().__init__()
        self._view, self._started, self._pid = view, started, pid
        self._routes: Mapping[tuple[str, str], Callable[[Request], Deferred[HttpAnswer]]] = {
            ("GET", "/metrics"): self._metrics,
            ("GET", "/status"): self._status,
            ("GET", "/health"): self._health,
            ("GET", "/ready"): self._ready,
            ("GET", "/sessions"): self._sessions,
            ("POST", "/kick"): self._kick,
        }

    def render(self, request: Request) -> int:
        """Answer a request, at once or when all workers have answered."""
        answered = maybeDeferred(self._answer, request)
        answered.addErrback(_error_answer)
        answered.addCallback(_write, request)
        # If the client disconnects, the answer is not needed.
        request.notifyFinish().addErrback(lambda _gone: answered.cancel())
        return NOT_DONE_YET

    def _answer(self, request: Request) -> Deferred[HttpAnswer]:
        method = "GET" if request.method == b"HEAD" else request.method.decode("latin-1")
        path = request.path.decode("latin-1")
        _check_origin(request)
        route = self._routes.get((method, path))
        if route is not None:
            return route(request)
        known = sorted({path for _, path in self._routes})
        if path in known:
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} does not permit {method}")
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is no {path}; available: {', '.join(known)}")

    # -- routes ---------------------------------------------------------------------------------

    def _metrics(self, request: Request) -> Deferred[HttpAnswer]:
        accept = _header(request, b"Accept") or ""
        return self._view.report().addCallback(lambda report: HttpAnswer(*exposition(report.values, accept)))

    def _status(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(lambda report: _json(self._report_json(report)))

    def _health(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(
            lambda report: _json(self._report_json(report), ok=report.healthy)
        )

    def _ready(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(
            lambda report: _json(self._report_json(report), ok=report.ready)
        )

    def _report_json(self, report: ClusterReport) -> dict[str, Any]:
        answering = report.answering
        return {
            "version": __version__,
            "pid": self._pid,
            "started": self._started,
            "healthy": report.healthy,
            "ready": report.ready,
            "reasons": report.reasons(),
            "peers": sum(report.peers for report in answering.values()),
            "workers": [
                {
                    "number": number,
                    "pid": answering[number].pid if number in answering else None,
                    "healthy": number in answering,
                    "ready": number in answering and answering[number].ready,
                    "peers": answering[number].peers if number in answering else 0,
                }
                for number in sorted(report.reports)
            ],
        }

    def _sessions(self, request: Request) -> Deferred[HttpAnswer]:
        _check_host(request)
        fields = {name.decode("utf-8", "replace"): values[-1] for name, values in request.args.items()}
        chosen = _session_filter({name: value.decode("utf-8", "replace") for name, value in fields.items()})
        return self._view.sessions(chosen).addCallback(lambda listing: _json(listing.json()))

    def _kick(self, request: Request) -> Deferred[HttpAnswer]:
        _check_host(request)
        content_type = (_header(request, b"Content-Type") or "").partition(";")[0].strip().lower()
        if content_type != JSON:
            raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {JSON}")
        try:
            fields = parse_object(request.content.read())  # type: ignore[union-attr]  # the request is complete
        except ValueError:
            raise HttpError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object") from None
        chosen = _session_filter(fields)
        if chosen.id is None and chosen.user is None:
            raise HttpError(HTTPStatus.BAD_REQUEST, "`id` or `user` is required")
        return self._view.kick(chosen).addCallback(_kick_answer, chosen)


def _kick_answer(count: int, chosen: SessionFilter) -> HttpAnswer:
    if not count and chosen.id is not None:
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is no session {chosen.id}")
    _log.info(
        "an operator ended {count} sessions, chosen by {choice}",
        count=count,
        choice=", ".join(f"{name}={value}" for name, value in asdict(chosen).items() if value is not None),
    )
    return _json({"kicked": count})


def _session_filter(fields: Mapping[str, Any]) -> SessionFilter:
    try:
        return session_filter(fields)
    except ValueError as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error)) from None


# -- checks of requests ----------------------------------------------------------------------------------


def _header(request: Request, name: bytes) -> str | None:
    """Return a header, or None. Decoded as Latin-1: any bytes are valid then; Twisted would require UTF-8."""
    value = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def _check_origin(request: Request) -> None:
    """Reject requests of web pages (Fetch standard: Origin, Sec-Fetch-Site)."""
    site = _header(request, b"Sec-Fetch-Site")
    if _header(request, b"Origin") is not None or site not in (None, "none", "same-origin"):
        raise HttpError(HTTPStatus.FORBIDDEN, "requests of web pages are not permitted")


def _check_host(request: Request) -> None:
    """Reject host names: an attacker can point a name to this machine (DNS rebinding).

    A browser always sends a host. Over a Unix socket, Twisted has no address to use in its place.
    """
    if _header(request, b"Host") is None:
        return
    name = request.getRequestHostname().decode("latin-1").strip("[]")
    if name.lower() == "localhost":
        return
    try:
        ip_address(name)
    except ValueError:
        raise HttpError(
            HTTPStatus.MISDIRECTED_REQUEST, "the host must be an IP address or localhost"
        ) from None


# -- responses ----------------------------------------------------------------------------------------


def _json(value: Any, *, ok: bool = True) -> HttpAnswer:
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return HttpAnswer(json.dumps(value).encode("ascii") + b"\n", JSON, status)


def _error_answer(failure: Failure) -> HttpAnswer | None:
    """Return the response to a failed request, or None if the client has disconnected."""
    if failure.check(CancelledError):
        return None
    status, text = HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log of the gateway"
    if isinstance(failure.value, HttpError):
        status, text = failure.value.status, str(failure.value)
    elif isinstance(failure.value, UnansweredError):
        status, text = HTTPStatus.SERVICE_UNAVAILABLE, str(failure.value)
    else:
        _log.error("a status request failed: {safe_location}", safe_location=safe_location(failure))
    return HttpAnswer(json.dumps({"error": text}).encode("ascii") + b"\n", JSON, status)


def _write(answer: HttpAnswer | None, request: Request) -> None:
    if answer is None or request.channel is None:  # the client has disconnected
        return
    request.setResponseCode(answer.status, answer.status.phrase.encode("ascii"))
    request.setHeader("Content-Type", answer.content_type)
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    request.setHeader("Content-Length", str(len(answer.body)))
    if request.method != b"HEAD":
        request.write(answer.body)
    request.finish()
