"""`check_endpoint` and `check_client_endpoint` accept usable strings, and explain unusable ones."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.certificates import write_pair
from wsevents.endpoints.check import check_client_endpoint, check_endpoint


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    write_pair(tmp_path, "locked", b"passphrase")
    (tmp_path / "junk").write_text("junk")
    (tmp_path / "both.pem").write_text((tmp_path / "a.key").read_text() + (tmp_path / "a.crt").read_text())
    return tmp_path


@pytest.mark.parametrize(
    "string",
    [
        "ssl:9502:privateKey=a.key:certKey=a.crt",
        "ssl:9502:privateKey=a.key:certKey=a.crt:interface=127.0.0.1:backlog=1024",
        "ssl:9502:privateKey=a.key:certKey=a.crt:extraCertChain=b.crt",
        r"ssl:9502:interface=\:\:1:privateKey=a.key:certKey=a.crt",
        "ssl:9502:privateKey=both.pem",
        "tcp:9502",
        "tcp:0:interface=127.0.0.1",
        r"tcp6:9502:interface=\:\:1",
        "unix:/run/wsevents.sock",
        "systemd:domain=INET:index=0",
        "systemd:domain=INET6:name=wsevents",
        "systemd:domain=INET:index=0:privateKey=a.key:certKey=a.crt:extraCertChain=b.crt",
        "systemd:domain=INET:index=0:privateKey=both.pem",
        pytest.param(
            "tls:.:port=9502",
            # Twisted's parser of such a folder calls the deprecated X509.get_issuer.
            marks=pytest.mark.filterwarnings("ignore:X509.get_issuer:DeprecationWarning"),
        ),
    ],
)
def test_a_usable_server_endpoint_is_accepted(folder, string):
    check_endpoint(string)


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("ssl:9502:privateKey=no.key:certKey=a.crt", "cannot read no.key: No such file or directory"),
        ("ssl:9502:privateKey=a.key:certKey=no.crt", "cannot read no.crt: No such file or directory"),
        ("ssl:9502:privateKey=.:certKey=a.crt", "cannot read .: Is a directory"),
        ("ssl:9502", "server.pem: No such file or directory"),
        ("ssl:9502:privateKey=junk:certKey=a.crt", "junk must be a private key in PEM format, not encrypted"),
        ("ssl:9502:privateKey=locked.key:certKey=locked.crt", "locked.key must be a private key in PEM"),
        ("ssl:9502:privateKey=a.key:certKey=junk", "junk must be a certificate in PEM format"),
        ("ssl:9502:privateKey=a.key", "a.key must be a certificate in PEM format"),
        ("ssl:9502:privateKey=a.key:certKey=a.crt:extraCertChain=junk", "junk must be a certificate"),
        ("ssl:9502:privateKey=a.key:certKey=b.crt", "key a.key does not belong to the certificate b.crt"),
        ("ssl:9502:privatekey=a.key", "unexpected keyword argument 'privatekey'); write it like tcp:9502"),
        ("tls:nowhere:port=9502", "nowhere is not a folder"),
        ("tls::port=9502", "is not a folder; name a folder with *.pem files"),
        (
            "systemd:domain=INET",
            "is not a usable systemd socket; write it like systemd:domain",
        ),
        ("systemd:domain=INET:index=first", "is not a usable systemd socket"),
        ("systemd:domain=INET:index=0:name=wsevents", "is not a usable systemd socket"),
        ("systemd:domain=IPV4:index=0", "is not a usable systemd socket"),
        ("systemd:INET:index=0", "is not a usable systemd socket"),
        ("systemd:domain=INET:index=0:backlog=5", "is not a usable systemd socket"),
        ("systemd:domain=INET:index=0:certKey=a.crt", "is not a usable systemd socket"),
        ("systemd:domain=INET:index=0:privateKey=no.key:certKey=a.crt", "cannot read no.key: No such file"),
        ("systemd:domain=INET:index=0:privateKey=a.key:certKey=b.crt", "does not belong to the certificate"),
        ("tcp:99999", "has port 99999; it must be from 0 to 65535"),
        ("tcp:port=99999", "has port 99999"),
        ("tcp6:99999", "has port 99999"),
        ("ssl:99999:privateKey=a.key:certKey=a.crt", "has port 99999"),
        ("tcp:-1", "has port -1"),
        ("tcp:https", "write it like tcp:9502"),
        ("tcp", "missing 1 required positional argument: 'port'"),
        ("9502", "Unknown endpoint type: '9502'"),
        ("", "Unknown endpoint type: ''"),
    ],
)
def test_an_unusable_server_endpoint_is_explained(folder, string, expected):
    with pytest.raises(ValueError) as caught:
        check_endpoint(string)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "string",
    [
        "tcp:localhost:5672",
        "tcp:host=rabbit.example.org:port=5672:timeout=5",
        "tls:localhost:5671",
        "tls:localhost:5671:trustRoots=.:certificate=a.crt:privateKey=a.key",
        "ssl:localhost:5671:caCertsDir=.",
    ],
)
def test_a_usable_client_endpoint_is_accepted(folder, string):
    check_client_endpoint(string)


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("localhost:5672", "Unknown endpoint type: 'localhost'"),
        ("tcp:localhost", "write it like tcp:localhost:5672"),
        ("tcp:localhost:0", "has port 0; it must be from 1 to 65535"),
        ("tcp:localhost:99999", "has port 99999"),
        ("tcp:host=localhost:99999", "has port 99999"),
        ("tls:localhost:port=99999", "has port 99999"),
        ("tls:localhost:99999:30", "has port 99999"),
        ("tcp::5672", "names no host; write it like tcp:localhost:5672"),
        ("tcp:host=:port=5672", "names no host"),
        ("tls:localhost:5671:trustRoots=nowhere", "nowhere is not a folder"),
        ("tls:localhost:5671:certificate=a.crt:privateKey=b.key", "does not belong to the certificate a.crt"),
    ],
)
def test_an_unusable_client_endpoint_is_explained(folder, string, expected):
    with pytest.raises(ValueError) as caught:
        check_client_endpoint(string)
    assert expected in str(caught.value)


def test_the_module_does_not_import_twisteds_test_support():
    program = "import sys, wsevents.endpoints.check; print('twisted.internet.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@given(
    st.one_of(st.text(), st.from_regex(r"(tcp|ssl|tls|tcp6|unix|systemd)(:[\w=\\/]*){0,4}", fullmatch=True))
)
def test_every_text_is_accepted_or_raises_a_value_error(string):
    for check in (check_endpoint, check_client_endpoint):
        try:
            check(string)
        except ValueError as error:
            assert str(error)
