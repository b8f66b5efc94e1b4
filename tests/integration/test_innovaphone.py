"""innovaphone's dialect in a real gateway, over real TLS."""

import json
import re
import socket

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.gateway_process import DEADLINE, GatewayProcess, shared, standalone
from wsevents.api.errors import ConfigurationError
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey, login_message

PATH = "/PBX0/APPS/websocket"
PASSWORD = "s3cret-pässwörd"
APPS = f"""
dialects:
  wazo: {{}}
  innovaphone:
    login_seconds: 2
    apps:
      demo: {{password: "{PASSWORD}", tenant_uuid: t1, acl: ["#"]}}
      other: {{path: /other/app, password: s3cret-other-app, acl: ["events.y"]}}
"""


sharing = shared(lambda folder: GatewayProcess(folder, standalone(folder) + APPS))


@pytest.fixture
def gateway(sharing):
    return sharing.running()


def ask(client, **message):
    client.send(json.dumps(message))
    return json.loads(client.recv(DEADLINE))


def log_in(client, app="demo", password=PASSWORD):
    challenge = ask(client, mt="AppChallenge")["challenge"]
    client.send(login_message(AppLogin(app), AppLogin(app).digest(challenge, password)))
    return challenge, json.loads(client.recv(DEADLINE))


def test_apps_and_wazo_clients_hear_the_same_event_on_one_port(gateway):
    with (
        gateway.connect(PATH) as app,
        gateway.connect("/other/app") as other,
        gateway.connect("/?token=s3cret-user") as wazo,
    ):
        assert log_in(app)[1] == {"mt": "AppLoginResult", "ok": True}
        assert log_in(other, "other", "s3cret-other-app")[1]["ok"] is True
        for client in (app, other):
            ask(client, mt="Subscribe", api="Events", src="s", events="*")
        wazo.recv(DEADLINE)
        for command in ({"op": "subscribe", "data": {"event_name": "*"}}, {"op": "start"}):
            wazo.send(json.dumps(command))
            wazo.recv(DEADLINE)
        gateway.publish("x", data={"number": "1"})
        gateway.publish("y", data={"number": "2"})
        event = {"mt": "Event", "api": "Events", "src": "s", "name": "x", "data": {"number": "1"}}
        assert json.loads(app.recv(DEADLINE)) == event
        assert json.loads(other.recv(DEADLINE))["name"] == "y"
        assert json.loads(wazo.recv(DEADLINE))["name"] == "x"
        ask(app, mt="Unsubscribe", api="Events", src="s")


def test_a_wrong_password_is_answered_and_closed_and_neither_is_logged(gateway):
    since = len(gateway.log)
    with gateway.connect(PATH) as client:
        challenge, answer = log_in(client, password="s3cret-wrong")
        assert answer["ok"] is False
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "login failed")
    gateway.wait_for("session closed: innovaphone .*1008", since)
    secrets = [PASSWORD, "s3cret", challenge, AppLogin("demo").digest(challenge, "s3cret-wrong")]
    assert not [secret for secret in secrets if secret in gateway.log]


def test_nothing_of_a_login_that_succeeds_is_logged(gateway):
    since = len(gateway.log)
    with gateway.connect(PATH) as client:
        challenge, _ = log_in(client)
    line = gateway.wait_for("session closed: innovaphone .*", since)[0]
    assert "user=demo tenant=t1" in line
    secrets = [
        PASSWORD,
        challenge,
        AppLogin("demo").digest(challenge, PASSWORD),
        SessionKey.of(challenge, PASSWORD).text,
    ]
    assert not [secret for secret in secrets if secret in gateway.log]


def test_who_does_not_log_in_is_closed(gateway):
    with gateway.connect(PATH) as client:
        ask(client, mt="CheckBuild", url="https://x/")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "login timeout")


HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def receive(raw, count):
    data = b""
    while len(data) < count:
        data += raw.recv(count - len(data)) or pytest.fail("the gateway closed the connection")
    return data


def test_the_answer_to_the_handshake_is_short(gateway):
    with gateway.dial() as raw:
        raw.sendall(HANDSHAKE.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += raw.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert len(head) < 1024


def masked(text):
    """Return a text frame of a client (RFC 6455 section 5.2), masked with zeros."""
    payload = text.encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return b"\x81" + length + bytes(4) + payload


def frame(raw):
    """Receive a frame; return whether it is the last of its message, and its payload."""
    first, length = receive(raw, 2)
    if length == 126:
        length = int.from_bytes(receive(raw, 2))
    elif length == 127:
        length = int.from_bytes(receive(raw, 8))
    return bool(first & 0x80), receive(raw, length)


def test_a_long_message_travels_in_frames_of_at_most_16384_bytes(gateway):
    with gateway.dial() as raw:
        raw.sendall(HANDSHAKE.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive(raw, 1)
        raw.sendall(masked('{"mt":"AppChallenge"}'))
        challenge = json.loads(frame(raw)[1])["challenge"]
        raw.sendall(masked(login_message(AppLogin("demo"), AppLogin("demo").digest(challenge, PASSWORD))))
        assert b'"ok":true' in frame(raw)[1]
        raw.sendall(masked('{"mt":"Subscribe","events":"*"}'))
        frame(raw)
        gateway.publish("long", data={"x": "y" * 50000})
        frames = [frame(raw)]
        while not frames[-1][0]:
            frames.append(frame(raw))
        assert [len(payload) <= 16384 for _, payload in frames] == [True] * 4
        assert json.loads(b"".join(payload for _, payload in frames))["data"] == {"x": "y" * 50000}
        raw.shutdown(socket.SHUT_RDWR)


# -- mistakes of the operator


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{}", r"dialects\.innovaphone\.apps: is missing"),
        ("{apps: {}}", r"dialects\.innovaphone\.apps: must have at least one app"),
        ("{apps: {'': {password: x}}}", r"dialects\.innovaphone\.apps: has an app whose name is blank"),
        ("{apps: {a: {}}}", r"dialects\.innovaphone\.apps\.a\.password: is missing"),
        ("{apps: {a: {password: ' '}}}", r"apps\.a\.password: must not be empty"),
        ("{apps: {a: {password: 12345}}}", r"apps\.a\.password: must be text"),
        ("{apps: {a: {password: x, path: PBX0}}}", r"apps\.a\.path: must be a path such as /PBX0"),
        ("{apps: {a: {password: x, path: '/x?y'}}}", r"apps\.a\.path: must be a path such as /PBX0"),
        ("{apps: {a: {password: x, acl: '#'}}}", r"apps\.a\.acl: must be a list"),
        ("{apps: {a: {password: x, tenant: t}}}", r"apps\.a\.tenant: is not a known key; .* tenant_uuid\?"),
        ("{apps: {a: {password_env: NOT_SET}}}", r"apps\.a\.password_env: names an environment variable"),
        ("{apps: {a: {password: x}}, login_seconds: 0}", r"innovaphone\.login_seconds: must be from 1"),
        ("{apps: {a: {password: x}}, ping_interval: 0.1}", r"innovaphone\.ping_interval: must be 0, or"),
    ],
)
def test_a_mistake_in_the_section_is_one_line_with_the_key(section, problem):
    text = f"listen: ['tcp:0']\ndialects: {{innovaphone: {section}}}\n"
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "config.yml", Plugins(), {})
    (line,) = caught.value.problems
    assert re.match(r"config\.yml: .*" + problem, line)
    assert "12345" not in line


def test_a_password_may_be_in_a_file_or_the_environment(tmp_path):
    (tmp_path / "password").write_text("from the file\n")
    text = (
        "listen: ['tcp:0']\ndialects: {innovaphone: {apps: {"
        f"a: {{password_file: '{tmp_path}/password'}}, b: {{password_env: APP}}}}}}}}\n"
    )
    config = parse(text, "config.yml", Plugins(), {"APP": "from the environment"})
    apps = config.dialects["innovaphone"].apps
    assert (apps["a"].password, apps["b"].password) == ("from the file", "from the environment")
    assert "from the" not in repr(config)
