"""The status listener's site: `/metrics`, `/status`, `/health`, `/ready`, `/sessions` and `/kick`.

Whoever reaches it may read all and kick anybody, so it is for this machine. A browser on this machine
can be made to ask by any page that it shows: so what comes from a page is refused, and by what name the
listener is called must be one that no stranger can give it.
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
from wsevents.admin.sessions import choice
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
    from wsevents.admin.sessions import Choice

JSON = "application/json"
_log = Logger()


class HttpError(Exception):
    """An answer that is an error; its text is a sentence for whoever asked."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@frozen
class HttpAnswer:
    """What is answered."""

    body: bytes
    kind: str = JSON
    status: HTTPStatus = HTTPStatus.OK


def make_status_site(view: ClusterView, started: float, pid: int, reactor: IReactorTime) -> Site:
    """Return the site.

    Args:
        view: answers the questions.
        started: when the service was, in seconds since 1970.
        pid: of the process to send signals to.
        reactor: for time-outs.
    """
    return QuietSite(StatusResource(view, started, pid), BoundedRequest, IDLE_SECONDS, reactor)


class StatusResource(Resource):
    """Everything there is."""

    isLeaf = True

    def __init__(self, view: ClusterView, started: float, pid: int) -> None:
        super().__init__()
        self._view, self._started, self._pid = view, started, pid
        self._pages: Mapping[tuple[str, str], Callable[[Request], Deferred[HttpAnswer]]] = {
            ("GET", "/metrics"): self._metrics,
            ("GET", "/status"): self._status,
            ("GET", "/health"): self._health,
            ("GET", "/ready"): self._ready,
            ("GET", "/sessions"): self._sessions,
            ("POST", "/kick"): self._kick,
        }

    def render(self, request: Request) -> int:
        """Answer a request, now or when all workers have."""
        answered = maybeDeferred(self._answer, request)
        answered.addErrback(_sorry)
        answered.addCallback(_write, request)
        # When whoever asked goes away, nobody awaits the answer any more.
        request.notifyFinish().addErrback(lambda _gone: answered.cancel())
        return NOT_DONE_YET

    def _answer(self, request: Request) -> Deferred[HttpAnswer]:
        method = "GET" if request.method == b"HEAD" else request.method.decode("latin-1")
        path = request.path.decode("latin-1")
        _check_origin(request)
        page = self._pages.get((method, path))
        if page is not None:
            return page(request)
        known = sorted({path for _, path in self._pages})
        if path in known:
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} is not asked by {method}")
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is no {path}; there are {', '.join(known)}")

    # -- pages ----------------------------------------------------------------------------------

    def _metrics(self, request: Request) -> Deferred[HttpAnswer]:
        accept = _header(request, b"Accept") or ""
        return self._view.report().addCallback(lambda whole: HttpAnswer(*exposition(whole.values, accept)))

    def _status(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(lambda whole: _json(self._said(whole)))

    def _health(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(lambda whole: _json(self._said(whole), good=whole.healthy))

    def _ready(self, request: Request) -> Deferred[HttpAnswer]:
        return self._view.report().addCallback(lambda whole: _json(self._said(whole), good=whole.ready))

    def _said(self, whole: ClusterReport) -> dict[str, Any]:
        present = whole.present
        return {
            "version": __version__,
            "pid": self._pid,
            "started": self._started,
            "healthy": whole.healthy,
            "ready": whole.ready,
            "reasons": whole.reasons(),
            "peers": sum(report.peers for report in present.values()),
            "workers": [
                {
                    "number": number,
                    "pid": present[number].pid if number in present else None,
                    "healthy": number in present,
                    "ready": number in present and present[number].ready,
                    "peers": present[number].peers if number in present else 0,
                }
                for number in sorted(whole.reports)
            ],
        }

    def _sessions(self, request: Request) -> Deferred[HttpAnswer]:
        _check_name(request)
        wanted = {name.decode("utf-8", "replace"): values[-1] for name, values in request.args.items()}
        chosen = _choice({name: value.decode("utf-8", "replace") for name, value in wanted.items()})
        return self._view.sessions(chosen).addCallback(lambda listing: _json(listing.json()))

    def _kick(self, request: Request) -> Deferred[HttpAnswer]:
        _check_name(request)
        kind = (_header(request, b"Content-Type") or "").partition(";")[0].strip().lower()
        if kind != JSON:
            raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {JSON}")
        try:
            wanted = parse_object(request.content.read())  # type: ignore[union-attr]  # it is complete
        except ValueError:
            raise HttpError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object") from None
        chosen = _choice(wanted)
        if chosen.id is None and chosen.user is None:
            raise HttpError(HTTPStatus.BAD_REQUEST, "say whom, with `id` or `user`")
        return self._view.kick(chosen).addCallback(_kicked, chosen)


def _kicked(count: int, chosen: Choice) -> HttpAnswer:
    if not count and chosen.id is not None:
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is no session {chosen.id}")
    _log.info(
        "an operator ended {count} sessions, chosen by {choice}",
        count=count,
        choice=", ".join(f"{name}={value}" for name, value in asdict(chosen).items() if value is not None),
    )
    return _json({"kicked": count})


def _choice(wanted: Mapping[str, Any]) -> Choice:
    try:
        return choice(wanted)
    except ValueError as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error)) from None


# -- from whom ----------------------------------------------------------------------------------


def _header(request: Request, name: bytes) -> str | None:
    """Return a header; any bytes make sense, of which Twisted would take UTF-8 only."""
    value = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def _check_origin(request: Request) -> None:
    """Refuse what a page in a browser has asked for (the Fetch standard: Origin, Sec-Fetch-Site)."""
    site = _header(request, b"Sec-Fetch-Site")
    if _header(request, b"Origin") is not None or site not in (None, "none", "same-origin"):
        raise HttpError(HTTPStatus.FORBIDDEN, "pages in a browser may not ask here")


def _check_name(request: Request) -> None:
    """Refuse a name that a stranger may have pointed to this machine (DNS rebinding).

    Each browser says one; and of a Unix socket there is no address to take in its place.
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
            HTTPStatus.MISDIRECTED_REQUEST, "ask by an address or as localhost, not by another name"
        ) from None


# -- how ----------------------------------------------------------------------------------------


def _json(value: Any, *, good: bool = True) -> HttpAnswer:
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return HttpAnswer(json.dumps(value).encode("ascii") + b"\n", JSON, status)


def _sorry(failure: Failure) -> HttpAnswer | None:
    """Return the answer to what could not be answered; none to who has gone."""
    if failure.check(CancelledError):
        return None
    status, text = HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway made a mistake; its log says which"
    if isinstance(failure.value, HttpError):
        status, text = failure.value.status, str(failure.value)
    elif isinstance(failure.value, UnansweredError):
        status, text = HTTPStatus.SERVICE_UNAVAILABLE, str(failure.value)
    else:
        _log.error(
            "a question about the gateway failed: {safe_location}", safe_location=safe_location(failure)
        )
    return HttpAnswer(json.dumps({"error": text}).encode("ascii") + b"\n", JSON, status)


def _write(answer: HttpAnswer | None, request: Request) -> None:
    if answer is None or request.channel is None:  # whoever asked has gone
        return
    request.setResponseCode(answer.status, answer.status.phrase.encode("ascii"))
    request.setHeader("Content-Type", answer.kind)
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    request.setHeader("Content-Length", str(len(answer.body)))
    if request.method != b"HEAD":
        request.write(answer.body)
    request.finish()
