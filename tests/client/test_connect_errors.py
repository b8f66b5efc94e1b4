"""Explanations of failed connection attempts."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from wsevents.api.close_reasons import Advice
from wsevents.client.connect_errors import of_failure, of_status


def problem(reason):
    return of_failure(Failure(reason), "pbx.example.org", 9502)


def tls(text):
    return TLSError([("SSL routines", "", text)])


@pytest.mark.parametrize(
    ("reason", "text", "advice"),
    [
        (error.DNSLookupError(), "cannot resolve the host name pbx.example.org", Advice.RETRY),
        (error.ConnectionRefusedError(), "pbx.example.org:9502 refused the connection", Advice.RETRY),
        (error.TimeoutError(), "does not answer", Advice.RETRY),
        (error.NoRouteError(), "does not answer", Advice.RETRY),
        (error.ConnectionDone(), "closed the connection without an answer", Advice.RETRY),
        (error.ConnectionLost(), "closed the connection without an answer", Advice.RETRY),
        (VerificationError([]), "is not for the name pbx.example.org", Advice.FIX),
        (tls("certificate verify failed"), "is not trusted", Advice.FIX),
        (tls("wrong version number"), "does not use TLS", Advice.FIX),
        (tls("tlsv1 alert protocol version"), "tlsv1 alert protocol version", Advice.FIX),
        (TLSError(), "the handshake failed", Advice.FIX),
        (OSError("a\nb"), "cannot connect to pbx.example.org:9502: a b", Advice.RETRY),
        (OSError(), "cannot connect to pbx.example.org:9502: OSError", Advice.RETRY),
    ],
)
def test_each_failure_has_an_explanation_and_advice(reason, text, advice):
    found = problem(reason)
    assert text in found.text
    assert found.advice is advice
    assert "\n" not in found.text


@given(st.integers(100, 999).filter(lambda status: status != 101))
def test_every_status_has_an_explanation_and_the_client_retries_only_temporary_ones(status):
    found = of_status(status, "h:1")
    assert found.text.startswith(f"h:1 answered with HTTP {status}")
    assert (found.advice is Advice.RETRY) is (status >= 500 or status in {408, 425, 429})
    if status in set(HTTPStatus):
        assert HTTPStatus(status).phrase in found.text
