"""The credentials in a request."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.dialects.isymphony.basic import Credentials, credentials_in


def header(pair, scheme="Basic"):
    return f"{scheme} {b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("given_header", "user", "password"),
    [
        (header("manager:manag3rpa55word"), "manager", "manag3rpa55word"),
        (header("manager:a:b:"), "manager", "a:b:"),
        (header("manager:"), "manager", ""),
        (header(":x"), "", "x"),
        (header("rené:pâté"), "rené", "pâté"),
        (header("rené:pâté".encode("latin-1")), "rené", "pâté"),
        (header("a:b", "bASIC"), "a", "b"),
        (header("a:b", "Basic   "), "a", "b"),
    ],
)
def test_credentials_are_read(given_header, user, password):
    credentials = credentials_in(given_header, "10.0.0.1")
    assert credentials == Credentials(user, password)
    assert credentials.address == "10.0.0.1"


@pytest.mark.parametrize(
    "given_header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic YQ",
        "Basic Y Q==",
        "Basic é",
        "Basic YTpi, Basic YTpi",
        "Bearer YTpi",
        'Digest username="a"',
        header("no colon"),
        header("a\0:b"),
        header("a:b\n"),
    ],
)
def test_an_invalid_header_yields_none(given_header):
    assert credentials_in(given_header, "") is None


def test_credentials_do_not_show_their_password():
    assert "s3cret" not in repr(Credentials("manager", "s3cret"))


@given(st.text() | st.binary().map(header) | st.text().map(lambda text: "Basic " + text))
def test_any_header_is_credentials_or_not(text):
    found = credentials_in(text, "")
    assert found is None or ":" not in found.user


printable = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")))


@given(printable.filter(lambda text: ":" not in text), printable)
def test_credentials_are_read_as_encoded_by_the_client(user, password):
    assert credentials_in(header(f"{user}:{password}"), "") == Credentials(user, password)
