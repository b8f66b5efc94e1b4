"""Why a connection did not come about, in a sentence that names the remedy, and whether waiting may help."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet import error

from wsevents.api.close_reasons import Advice
from wsevents.endpoints.tls_client import CertificateRefusedError

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_STATUSES = {
    301: "what is there has moved: correct the address",
    302: "what is there has moved: correct the address",
    307: "what is there has moved: correct the address",
    308: "what is there has moved: correct the address",
    400: "what is there did not understand the request: is it a gateway, and the path right?",
    401: "a proxy before the gateway asks for credentials of its own, or the path is another protocol's: "
    "correct the path",
    403: "who connects from here is refused: look at the allowed origins and addresses of the gateway and of "
    "the proxy before it",
    404: "nothing is served at this path: correct it",
    426: "a proxy did not pass on that a WebSocket is wanted: give it the headers Upgrade and Connection",
    429: "too many connections: come again later, or raise the limits",
    502: "the proxy does not reach the gateway: start the gateway",
    503: "the gateway takes nobody now: it starts, stops or is full",
    504: "the gateway does not answer the proxy: look at its log",
}
_PASSING = frozenset({408, 425, 429})
_SERVER_ERRORS = 500


@frozen
class ConnectProblem:
    """What went wrong, as a sentence, and what to do before the next attempt."""

    text: str
    advice: Advice = Advice.RETRY


def place_of(host: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def of_failure(failure: Failure, host: str, port: int) -> ConnectProblem:  # noqa: PLR0911 one kind a line
    """Return what a failure to connect, or the loss of a connection before it was one, means."""
    reason, place = failure.value, place_of(host, port)
    if isinstance(reason, error.DNSLookupError):
        return ConnectProblem(f"there is no host {host}: correct the name, or see that it can be looked up")
    if isinstance(reason, error.ConnectionRefusedError):
        return ConnectProblem(f"nothing listens at {place}: start the gateway, or correct the port")
    if isinstance(reason, error.TimeoutError | error.NoRouteError):
        return ConnectProblem(f"{place} does not answer: is the host up, and the port open in its firewall?")
    if isinstance(reason, CertificateRefusedError):
        return ConnectProblem(reason.explained(place=place), Advice.FIX)
    if isinstance(reason, VerificationError):
        return ConnectProblem(
            f"the certificate that {place} shows is not for the name {host}: connect by a name that it has",
            Advice.FIX,
        )
    if isinstance(reason, error.ConnectionDone | error.ConnectionLost):
        return ConnectProblem(
            f"{place} ended the connection without an answer: if TLS is spoken there use wss://, if not ws://"
        )
    if isinstance(reason, TLSError):
        return _of_tls(_texts(reason), place)
    return ConnectProblem(f"{place} cannot be reached: {_said(reason)}")


def of_status(status: int, place: str) -> ConnectProblem:
    """Return what an HTTP status other than 101 means."""
    phrase = f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""
    why = _STATUSES.get(status, "correct the address, or look at the log of what is there")
    text = f"{place} answered with HTTP {status}{phrase} and no WebSocket: {why}"
    passing = status in _PASSING or status >= _SERVER_ERRORS
    return ConnectProblem(text, Advice.RETRY if passing else Advice.FIX)


def _of_tls(texts: list[str], place: str) -> ConnectProblem:
    said = "; ".join(texts) or "the handshake failed"
    if any("certificate verify failed" in text for text in texts):
        return ConnectProblem(
            f"the certificate that {place} shows is not trusted, or not valid now: "
            "name the CA certificate that it is signed by, or renew it",
            Advice.FIX,
        )
    if any(text in said for text in ("wrong version number", "packet length too long", "http request")):
        return ConnectProblem(f"{place} does not speak TLS: use ws://, or the port that does", Advice.FIX)
    return ConnectProblem(f"TLS with {place} failed: {said}", Advice.FIX)


def _texts(reason: TLSError) -> list[str]:
    entries = reason.args[0] if reason.args and isinstance(reason.args[0], list) else []
    return [str(entry[-1]) for entry in entries]


def _said(reason: BaseException | None) -> str:
    text = " ".join(str(reason).split()).rstrip(".")
    return text or type(reason).__name__
