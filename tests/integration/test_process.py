"""A real twistd process over real TLS, with clients of other libraries."""

import json
import os
import re
import resource
import signal
import socket
import sys
import time
from urllib.error import HTTPError

import pytest
import websocket
from websockets.exceptions import ConnectionClosed

from tests.support.gateway_process import (
    DEADLINE,
    TWISTD,
    GatewayProcess,
    gateway,
    loud_twistd,
    own_embedded_default,
    own_gateway,
    standalone,
)
from tests.support.websocket_client import trusting

__all__ = ["gateway", "own_embedded_default", "own_gateway"]

SUBSCRIBE = '{"op": "subscribe", "data": {"event_name": "*"}}'
START = '{"op": "start"}'


def receive(client):
    return json.loads(client.recv(DEADLINE))


def test_a_version_2_client_subscribes_receives_renews_pings_and_is_refused(gateway):
    with gateway.connect("/api/websocketd/?token=s3cret-user&version=2") as client:
        assert receive(client) == {"op": "init", "code": 0, "msg": "", "data": {"version": 2}}
        client.send(SUBSCRIBE)
        assert receive(client)["op"] == "subscribe"
        client.send(START)
        assert receive(client)["op"] == "start"
        body = gateway.publish("e")
        assert receive(client) == {"op": "event", "code": 0, "data": json.loads(body)}
        client.send('{"op": "token", "data": {"token": "s3cret-other"}}')
        assert receive(client)["op"] == "token"
        gateway.publish("not for the new token")
        body = gateway.publish("f", "s3cret-other")
        assert receive(client)["data"] == json.loads(body)
        client.send('{"op": "ping", "data": {"payload": "p"}}')
        assert receive(client)["data"] == {"payload": "p"}
        client.send('{"op": "token", "data": {"token": "wrong"}}')
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "authentication failed")


def test_a_client_in_the_manner_of_the_first_page_gets_raw_bodies_after_start(gateway):
    """With the websocket-client library: a switch on `op`, then bodies as on the bus."""
    heard, started = [], []

    def on_message(client, text):
        if started:
            heard.append(text)
            client.close()
            return
        message = json.loads(text)
        if message["op"] == "init":
            assert (message["code"], message["msg"]) == (0, "")
            client.send(SUBSCRIBE)
            client.send(START)
        elif message["op"] == "start":
            started.append(gateway.publish("endpoint_status_update"))

    url = f"wss://localhost:{gateway.port}/?token=s3cret-user"
    client = websocket.WebSocketApp(url, on_message=on_message)
    client.run_forever(sslopt={"cert_reqs": 0, "check_hostname": False})
    assert heard == started


@pytest.mark.parametrize(
    ("target", "code", "reason"),
    [
        ("/", 4001, "no token"),
        ("/?token=", 4001, "no token"),
        ("/?token=wrong", 4002, "authentication failed"),
        ("/?token=s3cret-none", 4002, "authentication failed"),
        ("/?version=3", 4004, ""),
        ("/?token=s3cret-user&version=undefined", 4004, ""),
    ],
)
def test_each_refusal_has_its_code(gateway, target, code, reason):
    with gateway.connect(target) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(DEADLINE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


def test_the_token_may_come_in_a_header(gateway):
    with gateway.connect("/", additional_headers={"x-auth-token": "s3cret-user"}) as client:
        assert receive(client)["op"] == "init"


def test_a_token_that_expires_closes_with_4003(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path, seconds=3)) as gateway:
        with gateway.ready().connect("/?token=s3cret-brief") as client:
            assert receive(client)["op"] == "init"
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(DEADLINE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4003, "authentication expired")


def test_stopping_says_goodbye_and_leaves_a_line_for_each_session(own_gateway):
    with own_gateway.connect("/?token=s3cret-user") as client:
        assert receive(client)["op"] == "init"
        own_gateway.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        assert closed.value.rcvd.code == 1001
    assert own_gateway.ended() == 0
    assert "session closed: wazo 127.0.0.1 user=u1 tenant=t1" in own_gateway.log


def test_in_json_the_line_of_a_session_has_its_tally(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path) + "\nlog: {format: json}\n") as gateway:
        with gateway.ready().connect("/?token=s3cret-user") as client:
            assert receive(client)["op"] == "init"
        gateway.wait_for("session closed")
    said = next(json.loads(line) for line in gateway.log.splitlines() if "session closed" in line)
    assert isinstance(said.pop("seconds"), float)
    assert isinstance(said.pop("peak"), int)
    tally = ("level", "dialect", "address", "user", "tenant", "received", "delivered", "code")
    assert [said[name] for name in tally] == ["info", "wazo", "127.0.0.1", "u1", "t1", 0, 0, None]


def test_garbage_before_and_after_the_handshake_leaves_no_traceback_and_no_token_in_the_log(own_gateway):
    with own_gateway.connect("/?token=s3cret-user") as bystander:
        assert receive(bystander)["op"] == "init"
        for data in (b"\x16\x03\x01garbage", b"GET /?token=s3cret-user HTTP/1.1\r\n\r\n", b"\0" * 100000):
            with socket.create_connection(("127.0.0.1", own_gateway.port), DEADLINE) as raw:
                raw.sendall(data)
        for head in (
            b"GET /?token=s3cret-user HTTP/9\r\nUpgrade: websocket\r\n\r\n",
            b"x" * 20000,
            b"\xff\r\n\r\n",
        ):
            with pytest.raises(OSError), own_gateway.dial() as raw:
                raw.sendall(head)
                while raw.recv(65536):
                    pass
                raise OSError("closed")
        for message in ("garbage", b"\0\1", '{"op": "token", "data": {"token": "s3cret-wrong"}}'):
            with own_gateway.connect("/?token=s3cret-user") as client:
                client.send(message)
                with pytest.raises(ConnectionClosed):
                    while True:
                        client.recv(DEADLINE)
        bystander.send(START)
        assert receive(bystander)["op"] == "start"
    own_gateway.stop()
    assert "s3cret" not in own_gateway.log
    assert "Traceback" not in own_gateway.log


def test_what_is_published_by_hand_leaves_no_token_in_the_log_at_any_level(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path), loud_twistd(tmp_path)) as gateway:
        gateway.ready().publish("e")
        for token in ("s3cret-none", "s3cret-wrong"):
            with pytest.raises(HTTPError, match="401") as refused:
                gateway.publish("e", token)
            refused.value.close()
        with gateway.connect("/?token=s3cret-user") as client:
            assert receive(client)["op"] == "init"
    assert gateway.log.count("is loud") == 2
    assert "s3cret" not in gateway.log
    assert "Traceback" not in gateway.log


def test_a_client_that_offers_alpn_is_served_as_browsers_are(gateway):
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with gateway.dial(context) as client:
        assert client.selected_alpn_protocol() == "http/1.1"


def test_a_gateway_that_cannot_write_through_says_so_and_works(tmp_path):
    script = tmp_path / "strange.py"
    script.write_text(
        "from twisted.scripts.twistd import run\n"
        "from wsevents.delivery import writers\n"
        "del writers._ssl_write\n"
        "run()\n"
    )
    with GatewayProcess(tmp_path, standalone(tmp_path), (sys.executable, script)) as gateway:
        gateway.wait_for("outbound.write_through has no effect: NameError: .*_ssl_write")
        with gateway.ready().connect("/?token=s3cret-user") as client:
            for text in (SUBSCRIBE, START):
                client.send(text)
            assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
            assert gateway.publish("e") == client.recv(DEADLINE)


def test_the_limit_of_open_files_is_raised_and_said(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = (
        f"import os, resource, sys; resource.setrlimit(7, (256, {hard})); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with GatewayProcess(tmp_path, standalone(tmp_path), (sys.executable, "-c", low, TWISTD)) as gateway:
        gateway.wait_for(f"up to {hard} open files")
        assert resource.prlimit(gateway.ready().process.pid, resource.RLIMIT_NOFILE) == (hard, hard)


# -- what an operator may do wrong


def fails(tmp_path, text, status=os.EX_CONFIG):
    process = GatewayProcess(tmp_path, text)
    assert process.ended() == status
    assert "Traceback" not in process.log
    return [line for line in process.log.splitlines() if "wsevents: " in line or "config.yml" in line]


def test_a_port_that_is_taken_stops_the_start_with_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        lines = fails(tmp_path, standalone(tmp_path).replace("ssl:0", f"ssl:{port}"), status=1)
    assert len(lines) == 1
    assert "listen[0]" in lines[0]
    assert str(port) in lines[0]
    assert "in use" in lines[0]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (
            "bus: {type: memory}",
            "bus: {type: memory, exchange: x}",
            ["bus.exchange", "did you mean exchange_"],
        ),
        ("bus: {type: memory}", "bus: {type: memori}", ["bus.type", "memory"]),
        ("type: static", "type: static\n  check_static_interval: soon", ["auth.check_static_interval"]),
        ("certKey=", "certKey=/nowhere", ["listen[0]", "/nowhere"]),
        ("listen: ", "listen: 5 #", ["listen"]),
        ("bus: {type: memory}", "bus: {type: memory", ["config.yml", "line"]),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_with_one_line_that_names_it(tmp_path, old, new, names):
    lines = fails(tmp_path, standalone(tmp_path).replace(old, new))
    assert len(lines) == 1
    assert all(name in lines[0] for name in [str(tmp_path), *names])
    assert "s3cret" not in lines[0]


def test_a_file_that_is_not_there_stops_the_start_with_one_line(tmp_path):
    text = standalone(tmp_path)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-bus.yml").write_text("limits: {message_bytes: lots}")
    lines = fails(tmp_path, text)
    assert len(lines) == 1
    assert "10-bus.yml: limits.message_bytes" in lines[0]


# -- the embedded default


def test_the_embedded_default_needs_nothing_and_is_for_this_machine_only(own_embedded_default, tmp_path):
    places = re.findall(r"listening on (\S+)", own_embedded_default.log)
    assert set(places) <= {"127.0.0.1:9502", "[::1]:9502"}
    for token in ("demo", "demo-user", "demo-other", "demo-all", "demo-minute"):
        assert token in own_embedded_default.log
    kinds = set()
    with own_embedded_default.connect("/?token=demo&version=2") as client:
        client.send(SUBSCRIBE)
        client.send(START)
        end = time.monotonic() + DEADLINE
        while len(kinds) < 12 and time.monotonic() < end:
            message = receive(client)
            kinds.add(message["data"]["name"] if message["op"] == "event" else None)
    assert len(kinds) >= 12
    assert (tmp_path / "state" / "server.key").stat().st_mode & 0o777 == 0o600
