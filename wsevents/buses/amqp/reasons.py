"""Explain in one line why the bus is down, with the remedy for the operator."""

from __future__ import annotations

import errno
from typing import Any

from OpenSSL.SSL import Error as TlsError
from twisted.internet import error
from twisted.python.failure import Failure
from txamqp.client import Closed
from txamqp.message import Message

from wsevents.api.errors import BusError
from wsevents.endpoints.tls_client import CertificateRefusedError, Fault
from wsevents.system.sockets import MORE_FILES

LEFT = BusError("the gateway closed the connection")

_REMEDIES = {
    ("connection", 403): "correct bus.username and bus.password",
    ("connection", 530): "correct bus.vhost, or create it and give the user access to it",
    ("connection", 320): "an operator closed the connection, or the broker is stopping",
    ("channel", 403): "give the user permission for it",
    ("channel", 404): "create it, or correct bus.exchange_name",
    ("channel", 406): "it exists with other properties: correct bus.exchange_name or bus.exchange_type, "
    "or delete it",
}
_CERTIFICATES = {
    Fault.NAME: "correct the host name in bus.endpoint, or issue the certificate for it",
    Fault.TRUST: "correct trustRoots in bus.endpoint",
}


def explain(reason: Any) -> str:
    """Return one line about a reason: a Failure, an exception, or a close method of the broker."""
    if isinstance(reason, Failure):
        reason = reason.value
    if isinstance(reason, Closed) and reason.args:  # txamqp wraps the cause
        return explain(reason.args[0])
    if isinstance(reason, Message):
        return _broker_error(reason)
    return " ".join(_exception(reason).split())


def _broker_error(message: Message) -> str:
    code, text = message.reply_code, " ".join(message.reply_text.split())
    remedy = _REMEDIES.get((message.method.klass.name, code))
    line = f"broker error {code} {text}"
    return f"{line} ({remedy})" if remedy else line


def _exception(reason: Any) -> str:  # noqa: PLR0911 one return per kind
    if isinstance(reason, CertificateRefusedError):
        return reason.explained(_CERTIFICATES)
    if isinstance(reason, TlsError):
        detail = (
            "; ".join(str(part[-1]) for part in reason.args[0]) if reason.args else "the handshake failed"
        )
        return f"TLS: {detail} (check that the port of bus.endpoint is a TLS port)"
    if isinstance(reason, error.ConnectionRefusedError):
        return "connection refused (start the broker, or correct bus.endpoint)"
    if isinstance(reason, error.DNSLookupError):
        return "unknown host (correct bus.endpoint)"
    if getattr(reason, "osError", None) == errno.EMFILE:
        return f"too many open files ({MORE_FILES})"
    if isinstance(reason, error.TimeoutError):
        return "no answer (check that the host is up and the port open)"
    if isinstance(reason, error.ConnectionDone | error.ConnectionLost):
        return "the connection was lost without an error from the broker"
    return str(reason).rstrip(".") or type(reason).__name__
