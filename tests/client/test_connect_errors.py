"""Why there is no connection, in words."""

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
    ("reason", "said", "advice"),
    [
        (error.DNSLookupError(), "there is no host pbx.example.org", Advice.RETRY),
        (error.ConnectionRefusedError(), "nothing listens at pbx.example.org:9502", Advice.RETRY),
        (error.TimeoutError(), "does not answer", Advice.RETRY),
        (error.NoRouteError(), "does not answer", Advice.RETRY),
        (error.ConnectionDone(), "ended the connection without an answer", Advice.RETRY),
        (error.ConnectionLost(), "ended the connection without an answer", Advice.RETRY),
        (VerificationError([]), "is not for the name pbx.example.org", Advice.FIX),
        (tls("certificate verify failed"), "is not trusted", Advice.FIX),
        (tls("wrong version number"), "does not speak TLS", Advice.FIX),
        (tls("tlsv1 alert protocol version"), "tlsv1 alert protocol version", Advice.FIX),
        (TLSError(), "the handshake failed", Advice.FIX),
        (OSError("a\nb"), "cannot be reached: a b", Advice.RETRY),
        (OSError(), "cannot be reached: OSError", Advice.RETRY),
    ],
)
def test_each_failure_is_a_sentence_with_advice(reason, said, advice):
    found = problem(reason)
    assert said in found.text
    assert found.advice is advice
    assert "\n" not in found.text


@given(st.integers(100, 999).filter(lambda status: status != 101))
def test_every_status_has_a_sentence_and_only_those_of_the_server_pass(status):
    found = of_status(status, "h:1")
    assert found.text.startswith(f"h:1 answered with HTTP {status}")
    assert (found.advice is Advice.RETRY) is (status >= 500 or status in {408, 425, 429})
    if status in set(HTTPStatus):
        assert HTTPStatus(status).phrase in found.text
