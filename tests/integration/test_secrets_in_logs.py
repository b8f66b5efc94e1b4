"""No secret is in the log: at the level debug, as text and as JSON, however it was sent, encoded or digested.

A gateway with every protocol receives secrets in every place where a client could put one.
"""

import hashlib
import json
import socket
import sys
from base64 import b64encode
from contextlib import ExitStack, suppress
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.gateway_process import DEADLINE, LOUD, GatewayProcess, standalone
from tests.support.isymphony_accounts import PATH, quick_hash
from tests.support.ports import reserved_port
from tests.support.voipbin import claims, section, signed
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey, login_message

TOKENS = ("s3cret-user", "s3cret-other", "s3cret-none", "s3cret-brief")
STRANGE = ("s3cret-wrong", "s3cret/%?&#=wrong", "s3cret-wröng")
ACCOUNT, APP = "s3cret-account", "s3cret-äpp"
JWTS = (signed(claims()), signed(claims(), key="another key of thirty-two bytes and more"))
KEYS = ("s3cret-access", "s3cret-cold", "the key that voipbin signs its tokens with")
SECRETS = (*TOKENS, *STRANGE, ACCOUNT, APP, *JWTS, *KEYS)
MOMENT = 0.1  # nothing depends on what comes later
MISTAKES = """
from twisted.internet.defer import fail

def leak(token="s3cret-user"):
    raise ValueError(f"{token} makes no sense")

reactor.callWhenRunning(lambda: fail(KeyError("s3cret-other")) and None)
reactor.callLater(0, leak)
run()
"""
"""Tracebacks of any library: an exception quotes the value that caused it."""


def configuration(folder, form, port):
    text = standalone(folder) + f"status: {{endpoint: 'tcp:{port}:interface=127.0.0.2'}}\n"
    dialects = section() + (
        "  isymphony:\n"
        f"    users: {{manager: {{password_hash: {quick_hash(ACCOUNT)}, tenant_uuid: null, acl: ['#']}}}}\n"
        f"  innovaphone: {{apps: {{demo: {{password: {APP}, tenant_uuid: t1, acl: ['#']}}}}}}\n"
    )
    return f"{text}{dialects}log: {{level: debug, format: {form}}}\nlimits: {{handshake_seconds: 1}}\n"


def traces(secret):
    """Return all that would give a secret away."""
    data = secret.encode()
    digests = [hashlib.new(name, data) for name in ("md5", "sha1", "sha256", "sha512")]
    whole = [secret, quote(secret), quote(secret, safe=""), data.hex(), ascii(secret)[1:-1], repr(data)[2:-1]]
    whole += ["".join(f"%{byte:02X}" for byte in data), "".join(f"%{byte:02x}" for byte in data)]
    for before in (b"", b"a", b"ab"):  # base64 of a text that it stands in, wherever it begins there
        inner = b64encode(before + data)[4 if before else 0 : -4].decode()
        whole += [inner, inner.replace("+", "-").replace("/", "_")]
    for digest in digests:
        whole += [digest.hexdigest(), b64encode(digest.digest()).decode()]
    return {one for one in whole if len(one) > 6}


def given_away(log):
    """Return the secrets that the log has, each with how."""
    low = log.lower()
    return {
        (secret, trace)
        for secret in SECRETS
        for trace in traces(secret)
        if trace in log or trace.lower() in low
    }


# -- how secrets are shown to it ------------------------------------------------------------------


def shake(gateway, target, **headers):
    """Ask for a WebSocket, with messages that quote secrets; ignore how it ends."""
    with (
        suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError),
        gateway.connect(target, additional_headers=headers) as client,
    ):
        client.send(json.dumps({"op": "token", "data": {"token": "s3cret-other"}}))
        for message in ("s3cret-user", b"s3cret-user", target + json.dumps(headers)):
            client.send(message)
        while True:
            client.recv(MOMENT)


def raw(gateway, *lines, tls=True):
    """Send these lines as they are."""
    data = "\r\n".join([*lines, "", ""]).encode()
    with suppress(OSError), ExitStack() as stack:
        plain = socket.create_connection(("127.0.0.1", gateway.port), DEADLINE)
        connection = stack.enter_context(gateway.dial() if tls else plain)
        stack.enter_context(plain)
        connection.settimeout(MOMENT)
        connection.sendall(data)
        while connection.recv(4096):
            pass


def by_url_and_header(gateway):
    for secret in (*TOKENS, *STRANGE, *JWTS, *KEYS):
        for target in (f"/?token={quote(secret)}", f"/v1.0/ws?token={quote(secret)}", f"/x/{quote(secret)}"):
            shake(gateway, target)
        plain = secret.encode("ascii", "ignore").decode()
        shake(gateway, "/", **{"X-Auth-Token": plain})
        shake(gateway, "/v1.0/ws", Cookie=f"token={plain}; accesskey={plain}")
        shake(gateway, "/v1.0/ws", Authorization=f"Bearer {plain}")
        shake(gateway, PATH, Authorization=f"Basic {b64encode(f'manager:{secret}'.encode()).decode()}")
        shake(gateway, PATH, Authorization=f"Basic {b64encode(f'{secret}:x'.encode()).decode()}")
    shake(gateway, PATH, Authorization=f"Basic {b64encode(f'manager:{ACCOUNT}'.encode()).decode()}")


def by_bad_requests(gateway):
    upgrade = ("Upgrade: websocket", "Connection: Upgrade")
    key = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
    for lines in (
        ("GET /?token=s3cret-user HTTP/9.9",),
        ("GET /?token=s3cret-user HTTP/1.1", *upgrade),
        ("GET /?token=s3cret-user HTTP/1.1", *upgrade, "Sec-WebSocket-Key: s3cret-user"),
        ("GET /?token=s3cret-user HTTP/1.1", *upgrade, *key, "Host: s3cret-user", "Origin: s3cret-user"),
        ("GET / HTTP/1.1", "Host: x:s3cret-user", *upgrade, *key),
        ("GET / HTTP/1.1", "Host: x", *upgrade, *key, "Sec-WebSocket-Protocol: s3cret-user"),
        ("GET / HTTP/1.1", "Host: x", *upgrade, *key, "Sec-WebSocket-Extensions: s3cret-user; ; ="),
        ("GET / HTTP/1.1", "Host: x", *upgrade, "Sec-WebSocket-Version: s3cret-user", key[0]),
        ("GET / HTTP/1.1", "s3cret-user", *upgrade),
        ("s3cret-user",),
        (f"GET /?token=s3cret-user{'x' * 70000} HTTP/1.1",),
        ("GET http://s3cret-user@x/?token=s3cret-user HTTP/1.1", "Host: x", *upgrade, *key),
        ("GET /%zz?token=%zzs3cret-user HTTP/1.1", "Host: x", *upgrade, *key),
        ("HEAD /?token=s3cret-user HTTP/1.1", "Host: x", "X-Auth-Token: s3cret-user"),
        ("BREW /?token=s3cret-user HTTP/1.1", "Host: x", "X-Auth-Token: s3cret-user"),
        ("POST /publish?token=s3cret-user HTTP/1.1", "Host: x", "Content-Length: s3cret-user"),
        ("POST /publish HTTP/1.1", "Host: x", "X-Auth-Token: s3cret-wrong", "Content-Length: 4", "", "s3cr"),
        ("POST /publish HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "s3cret-user"),
    ):
        raw(gateway, *lines)
        raw(gateway, *lines, tls=False)


def by_messages(gateway):
    with gateway.connect("/PBX0/APPS/websocket") as client:
        client.send('{"mt": "AppChallenge"}')
        challenge = json.loads(client.recv(DEADLINE))["challenge"]
        client.send(login_message(AppLogin("demo"), AppLogin("demo").digest(challenge, APP)))
        assert json.loads(client.recv(DEADLINE))["ok"] is True
        client.send('{"mt": "s3cret-user", "s3cret-user": "s3cret-user"}')
        client.recv(DEADLINE)
    with suppress(ConnectionClosed), gateway.connect("/PBX0/APPS/websocket") as client:
        client.send(login_message(AppLogin("s3cret-user"), "s3cret-other"))
        client.recv(DEADLINE)
    gateway.publish("s3cret", "s3cret-user", data={"token": "s3cret-user"})
    return AppLogin("demo").digest(challenge, APP), SessionKey.of(challenge, APP).text, challenge


def by_the_status_listener(port):
    kick = "POST /kick?token=s3cret-user HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 13"
    for head, body in (
        ("GET /sessions?user=s3cret-user HTTP/1.1", ""),
        ("GET /s3cret-user?token=s3cret-user HTTP/1.1", ""),
        (kick, '"s3cret-user"'),
    ):
        with socket.create_connection(("127.0.0.2", port), DEADLINE) as connection:
            connection.sendall(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n{body}".encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_the_log_however_it_was_sent(tmp_path, form):
    script = tmp_path / "loud.py"
    script.write_text(LOUD.replace("run()\n", MISTAKES))
    port = reserved_port()
    with GatewayProcess(tmp_path, configuration(tmp_path, form, port), (sys.executable, script)) as gateway:
        gateway.ready()
        by_url_and_header(gateway)
        by_bad_requests(gateway)
        more = by_messages(gateway)
        by_the_status_listener(port)
        gateway.wait_for("session closed: innovaphone")
        assert gateway.stop() == 0
    log = gateway.log
    assert log.count("is loud") == 2
    for dialect in ("wazo", "voipbin", "isymphony", "innovaphone"):
        assert f"session closed: {dialect}" in log, "else nothing was tried"
    for refusal in ("401 Unauthorized (voipbin)", "401 Unauthorized (isymphony)", "400 Bad Request", "431 "):
        assert f"was rejected: {refusal}" in log
    for kind in ("builtins.ValueError", "builtins.KeyError"):
        assert kind in log, "a traceback says what kind of thing has failed"
    assert given_away(log) == set()
    assert [one for one in more if one in log] == []
    if form == "json":
        assert all(json.loads(line)["level"] for line in log.splitlines())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s3cret-user: {uuid: u1", "s3cret-user: {uuidd: u1"),
        ("s3cret-user: {uuid: u1", "s3cret-user: {uuid: [s3cret-other]"),
        ("s3cret-user: {", "s3cret-user: }"),
        ("s3cret-other:", "s3cret-user:"),
        ("bus: {type: memory}", "bus: {password: [s3cret-user]}"),
        ("bus: {type: memory}", "bus: {password_file: /nowhere, password: s3cret-user}"),
        ("auth:", "dialects: {innovaphone: {apps: {demo: {password: {s3cret-user: s3cret-other}}}}}\nauth:"),
        ("auth:", "dialects: {isymphony: {users: {u: {password_hash: s3cret-user, acl: []}}}}\nauth:"),
        ("auth:", "dialects: {voipbin: {jwt_key: [s3cret-user]}}\nauth:"),
        ("auth:", "log: {level: [s3cret-user}\nauth:"),
    ],
)
def test_no_secret_is_in_what_is_said_of_a_mistake_in_the_configuration(tmp_path, old, new):
    text = standalone(tmp_path)
    assert old in text
    gateway = GatewayProcess(tmp_path, text.replace(old, new))
    assert gateway.ended() == 78
    assert "config.yml" in gateway.log
    assert "Traceback" not in gateway.log
    assert given_away(gateway.log) == set()
