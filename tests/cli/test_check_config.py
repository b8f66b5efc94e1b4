"""`wsevents check-config` reports the problems that the start reports, and the validity of certificates."""

import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.certificates import certificate
from tests.support.gateway_process import GatewayProcess, standalone
from tests.support.shell import wsevents


def dated(folder, begins, ends, names=("pbx.example.org",)):
    """Write a key and a certificate, valid between these days from now; return an endpoint with them."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "of a test")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends, hours=1))
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key, crt = folder / "dated.key", folder / "dated.crt"
    key.write_bytes(private.private_bytes(pem, form, serialization.NoEncryption()))
    crt.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(pem))
    return f"ssl:0:privateKey={key}:certKey={crt}"


def config(folder, text):
    file = folder / "config.yml"
    file.write_text(text)
    return file


@pytest.fixture
def open_folder():
    """A folder that every user of the machine can read."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_valid_configuration_has_no_problem(tmp_path):
    file = config(tmp_path, standalone(tmp_path))
    done = wsevents("check-config", file)
    assert done.status == 0
    listener, status, last = done.lines
    assert status == "status.endpoint: tcp:9503:interface=127.0.0.1, without TLS"
    assert listener.startswith(f"listen[0]: {tmp_path}/server.crt for localhost, 127.0.0.1, until 20")
    assert listener.endswith(", key and certificate match")
    assert last == f"{file}: valid; read as {pwd.getpwuid(os.geteuid()).pw_name}"


def test_it_reports_the_problems_that_the_start_reports(tmp_path):
    text = (
        standalone(tmp_path).replace("type: memory", "type: memory, hartbeat: 1")
        + "limits: {subscriptions: -1}\n"
    )
    done = wsevents("check-config", config(tmp_path, text))
    assert done.status == 1
    assert done.out == ""
    with GatewayProcess(tmp_path, text) as gateway:
        assert gateway.ended() == 78
    logged = [line.removeprefix("wsevents: ") for line in gateway.log.splitlines()]
    assert done.err.splitlines() == logged
    assert len(logged) == 2


def test_conflicts_between_sections_are_reported(tmp_path):
    text = standalone(tmp_path) + "dialects: {voipbin: {jwt_key: x, source: {exchange: wazo-headers}}}\n"
    done = wsevents("check-config", config(tmp_path, text))
    assert done.status == 1
    assert "both read the exchange wazo-headers, but declare it differently" in done.err


def test_every_listener_is_listed(tmp_path):
    endpoint = dated(tmp_path, -1, 100)
    file = config(tmp_path, standalone(tmp_path).replace("listen: [", f'listen: ["tcp:0", "{endpoint}", '))
    done = wsevents("check-config", file)
    assert done.status == 0
    assert done.lines[0] == "listen[0]: tcp:0, without TLS"
    assert "listen[1]:" in done.lines[1]
    assert "for pbx.example.org, until " in done.lines[1]
    assert "(100 days)" in done.lines[1]


@pytest.mark.parametrize(
    ("begins", "ends", "names", "status", "message"),
    [
        (-9, -2, ["a"], 1, "expired on "),
        (2, 90, ["a"], 1, "is not valid before "),
        (-9, 29, ["a"], 0, "warning: "),
        (-9, 90, [], 1, "has no host name"),
    ],
)
def test_an_unusable_certificate_is_reported(tmp_path, begins, ends, names, status, message):
    file = config(tmp_path, f'listen: ["{dated(tmp_path, begins, ends, names)}"]\nbus: {{type: memory}}\n')
    done = wsevents("check-config", file)
    assert done.status == status
    (line,) = done.err.splitlines()
    assert message in line
    assert f"{file}: listen[0]: the certificate {tmp_path}/dated.crt " in line


def test_intermediate_certificates_are_checked(tmp_path):
    dated(tmp_path, -9, -2)
    chain = f":extraCertChain={tmp_path}/dated.crt"
    file = config(tmp_path, standalone(tmp_path).replace('.crt"]', f'.crt{chain}"]'))
    done = wsevents("check-config", file)
    assert (done.status, f"the certificate {tmp_path}/dated.crt expired on" in done.err) == (1, True)
    assert done.lines[1].endswith(" (expired), intermediate")


def test_the_certificates_of_a_folder_are_listed(tmp_path):
    folder = tmp_path / "pems"
    folder.mkdir()
    pair = certificate("one.example.org")
    (folder / "one.example.org.pem").write_bytes(pair.key + pair.public)
    file = config(tmp_path, f'listen: ["tls:{folder}:port=0"]\nbus: {{type: memory}}\n')
    done = wsevents("check-config", file)
    assert (done.status, "for one.example.org, until" in done.out) == (0, True)


def test_a_key_of_another_certificate_is_a_problem(tmp_path):
    text = standalone(tmp_path)
    (tmp_path / "server.key").write_bytes(certificate("localhost").key)
    done = wsevents("check-config", config(tmp_path, text))
    assert (done.status, "does not belong to the certificate" in done.err) == (1, True)


def test_json_has_all_results(tmp_path):
    file = config(tmp_path, f'listen: ["{dated(tmp_path, -1, 20)}"]\nbus: {{type: memory}}\n')
    done = wsevents("check-config", file, "--json")
    found = done.json
    assert (found["ok"], found["problems"], len(found["warnings"])) == (True, [], 1)
    listener, status = found["listeners"]
    assert (listener["key"], status["key"], status["tls"]) == ("listen[0]", "status.endpoint", False)
    (shown,) = listener["certificates"]
    assert (listener["tls"], shown["names"], shown["days"], shown["own"]) == (
        True,
        ["pbx.example.org"],
        20,
        True,
    )
    bad = wsevents("check-config", config(tmp_path, "nonsense: 1"), "--json")
    assert (bad.status, bad.json["ok"], bad.json["listeners"]) == (1, False, [])


def test_a_missing_file_is_a_problem_in_one_line(tmp_path):
    done = wsevents("check-config", tmp_path / "none.yml")
    assert (done.status, done.err) == (1, f"{tmp_path}/none.yml: cannot be read: No such file or directory\n")


def test_no_secret_is_printed(tmp_path):
    text = """
listen: ["tcp:0"]
bus: {username: "", password: s3cret-one}
auth: {type: static, tokens: {s3cret-two: {}}}
"""
    for words in [(), ("--json",)]:
        done = wsevents("check-config", config(tmp_path, text), *words)
        assert done.status == 1
        assert "s3cret" not in done.err + done.out


def test_only_root_can_read_as_another_user(open_folder):
    file = config(open_folder, standalone(open_folder))
    file.chmod(0o644)
    (open_folder / "server.crt").chmod(0o644)
    (open_folder / "server.key").chmod(0o600)
    done = wsevents("check-config", file, "--user", "nobody")
    assert done.status == 1
    if os.geteuid():
        assert done.err.startswith("only root can check as nobody")
        return
    assert f"cannot read {open_folder}/server.key: Permission denied" in done.err
    assert wsevents("check-config", file, "--user", "root").status == 0
    (open_folder / "server.key").chmod(0o644)
    done = wsevents("check-config", file, "--user", "nobody")
    assert (done.status, done.lines[-1]) == (0, f"{file}: valid; read as nobody")


def test_an_unknown_user_is_reported(tmp_path):
    done = wsevents("check-config", config(tmp_path, standalone(tmp_path)), "--user", "nobody-at-all")
    assert (done.status, "nobody-at-all" in done.err) == (1, True)
