"""`split` and `split_tls_files` split endpoint strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import quoteStringArgument

from wsevents.endpoints.strings import split, split_tls_files


@pytest.mark.parametrize(
    ("string", "parts"),
    [
        ("tcp:9502", ("tcp", ["9502"], {})),
        ("tcp:9502:interface=127.0.0.1", ("tcp", ["9502"], {"interface": "127.0.0.1"})),
        (r"tcp:9502:interface=\:\:1", ("tcp", ["9502"], {"interface": "::1"})),
        ("unix:/run/a=b", ("unix", [], {"/run/a": "b"})),  # like Twisted
        ("", ("", [], {})),
        (r"unix:/run/a\\:mode=660", ("unix", ["/run/a\\"], {"mode": "660"})),  # a backslash, quoted
        ("tcp::\\", ("tcp", ["", "\\"], {})),
    ],
)
def test_a_string_has_a_kind_and_arguments(string, parts):
    assert split(string) == parts


@given(st.text(), st.text())
def test_split_reverses_twisteds_quoting(first, second):
    string = f"ssl:{quoteStringArgument(first)}:certKey={quoteStringArgument(second)}"
    assert split(string)[2]["certKey"] == second


def test_apart_separates_the_tls_files():
    string = r"ssl:9502:privateKey=/a\:b.key:certKey=c.crt:interface=\:\:1:extraCertChain=d.crt"
    assert split_tls_files(string) == (
        r"ssl:9502:interface=\:\:1",
        [r"privateKey=/a\:b.key", "certKey=c.crt", "extraCertChain=d.crt"],
    )


@given(st.text())
def test_a_string_without_files_is_unchanged(string):
    without, files = split_tls_files(string)
    assert files or without == string
