"""The URL of a status listener, from its endpoint string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import quoteStringArgument

from wsevents.cli.admin_client import address_of


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("tcp:9503:interface=127.0.0.1", "http://127.0.0.1:9503"),
        ("tcp:9503", "http://127.0.0.1:9503"),
        ("tcp:port=9503:interface=192.0.2.7", "http://192.0.2.7:9503"),
        (r"tcp:9503:interface=\:\:1", "http://[::1]:9503"),
        (r"tcp6:9503:interface=\:\:", "http://127.0.0.1:9503"),
        ("ssl:9503:privateKey=/k:certKey=/c:interface=pbx.example.org", "https://pbx.example.org:9503"),
        ("unix:/run/wsevents/status.sock:mode=660", "unix:/run/wsevents/status.sock"),
        ("unix:address=/run/s", "unix:/run/s"),
    ],
)
def test_an_endpoint_has_a_url_for_its_own_machine(endpoint, url):
    assert address_of(endpoint) == url


@pytest.mark.parametrize("endpoint", ["systemd:domain=INET:index=0", "unix:", "nonsense", ""])
def test_some_endpoints_have_no_url(endpoint):
    with pytest.raises(ValueError, match="no known address"):
        address_of(endpoint)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_socket_path_is_unescaped(path):
    assert address_of(f"unix:address={quoteStringArgument(path)}") == f"unix:{path}"
