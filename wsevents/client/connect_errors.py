"""Explains failed connection attempts: the reason, a remedy, and whether another attempt can succeed."""

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
    301: "the client does not follow redirects; correct the address",
    302: "the client does not follow redirects; correct the address",
    307: "the client does not follow redirects; correct the address",
    308: "the client does not follow redirects; correct the address",
    400: "the server did not accept the request; check that it is a gateway, and check the path",
    401: "a proxy requires its own credentials, or the path belongs to another protocol; correct the path",
    403: "the gateway or a proxy rejects this client; check the allowed origins and addresses of both",
    404: "nothing is served at this path; correct the path",
    426: "a proxy removes the WebSocket headers; configure it to pass Upgrade and Connection",
    429: "too many connections; retry later, or raise the limits",
    502: "the proxy cannot connect to the gateway; start the gateway",
    503: "the gateway accepts no connections, because it starts, stops or is full; retry later",
    504: "the gateway does not answer the proxy; check the gateway's log",
}
_TEMPORARY = frozenset({408, 425, 429})
_SERVER_ERRORS = 500


@frozen
class ConnectProblem:
    """Why an attempt failed.

    Attributes:
        text: `what failed; remedy`.
        advice: what to do before the next attempt.
    """

    text: str
    advice: Advice = Advice.RETRY


def address_of(host: str, port: int) -> str:
    """Return host and port in the syntax of a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def of_failure(failure: Failure, host: str, port: int) -> ConnectProblem:  # noqa: PLR0911 one for each kind
    """Explain a failure to connect, or the loss of a connection before its handshake was complete."""
    reason, address = failure.value, address_of(host, port)
    if isinstance(reason, error.DNSLookupError):
        return ConnectProblem(f"cannot resolve the host name {host}; correct the name, or check the DNS")
    if isinstance(reason, error.ConnectionRefusedError):
        return ConnectProblem(f"{address} refused the connection; start the gateway, or correct the port")
    if isinstance(reason, error.TimeoutError | error.NoRouteError):
        return ConnectProblem(
            f"{address} does not answer; check that the host runs and its firewall allows the port"
        )
    if isinstance(reason, CertificateRefusedError):
        return ConnectProblem(reason.explained(place=address), Advice.FIX)
    if isinstance(reason, VerificationError):
        return ConnectProblem(
            f"the certificate of {address} is not for the name {host}; connect to a name in the certificate",
            Advice.FIX,
        )
    if isinstance(reason, error.ConnectionDone | error.ConnectionLost):
        return ConnectProblem(
            f"{address} closed the connection without an answer; use wss:// if the port has TLS, else ws://"
        )
    if isinstance(reason, TLSError):
        return _of_tls(_texts(reason), address)
    return ConnectProblem(f"cannot connect to {address}: {_text(reason)}")


def of_status(status: int, address: str) -> ConnectProblem:
    """Explain an HTTP status other than 101."""
    phrase = f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""
    why = _STATUSES.get(
        status, "the server did not accept the WebSocket; correct the address, or check its log"
    )
    text = f"{address} answered with HTTP {status}{phrase}: {why}"
    temporary = status in _TEMPORARY or status >= _SERVER_ERRORS
    return ConnectProblem(text, Advice.RETRY if temporary else Advice.FIX)


def _of_tls(texts: list[str], address: str) -> ConnectProblem:
    joined = "; ".join(texts) or "the handshake failed"
    if any("certificate verify failed" in text for text in texts):
        return ConnectProblem(
            f"the certificate of {address} is not trusted, or not valid now; "
            "name the CA certificate that signed it, or renew it",
            Advice.FIX,
        )
    if any(text in joined for text in ("wrong version number", "packet length too long", "http request")):
        return ConnectProblem(f"{address} does not use TLS; use ws://, or the port with TLS", Advice.FIX)
    return ConnectProblem(f"TLS with {address} failed: {joined}", Advice.FIX)


def _texts(reason: TLSError) -> list[str]:
    entries = reason.args[0] if reason.args and isinstance(reason.args[0], list) else []
    return [str(entry[-1]) for entry in entries]


def _text(reason: BaseException | None) -> str:
    text = " ".join(str(reason).split()).rstrip(".")
    return text or type(reason).__name__
