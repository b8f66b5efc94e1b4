"""A socket that systemd listens on: passed as a descriptor, with TLS around it or without."""

import json
import re

import pytest

from tests.support.gateway_process import DEADLINE, GatewayProcess, activated_twistd, standalone
from tests.support.websocket_client import Client

BARE = "systemd:domain=INET:index=0"
"""In place of what is before the key and the certificate."""


def hears(gateway):
    """Assert that a client receives an event."""
    with gateway.connect("/?token=s3cret-user&version=2") as client:
        client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
        client.send('{"op": "start"}')
        assert [json.loads(client.recv(DEADLINE))["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        sent = gateway.publish("e")
        assert json.loads(client.recv(DEADLINE))["data"] == json.loads(sent)


def covered(folder):
    return standalone(folder).replace("ssl:0:interface=127.0.0.1", BARE)


def test_it_has_tls_around_it_if_there_is_a_key(tmp_path):
    with GatewayProcess(tmp_path, covered(tmp_path), activated_twistd(tmp_path)) as gateway:
        hears(gateway.ready())


def test_it_is_plain_without_a_key(tmp_path):
    text = re.sub("listen: .*", f'listen: ["{BARE}"]', standalone(tmp_path))
    with GatewayProcess(tmp_path, text, activated_twistd(tmp_path)) as gateway:
        url = f"ws://localhost:{gateway.ready().port}/?token=s3cret-user&version=2"
        with Client(url, DEADLINE) as client:
            assert json.loads(client.recv(DEADLINE))["op"] == "init"


@pytest.mark.parametrize("which", ["index=0", "name=wsevents"])
def test_without_systemd_the_start_stops_with_one_line(tmp_path, which):
    gateway = GatewayProcess(tmp_path, covered(tmp_path).replace("index=0", which))
    assert gateway.ended() == 78
    assert "Traceback" not in gateway.log
    (line,) = [line for line in gateway.log.splitlines() if "wsevents: " in line]
    assert "listen[0]: cannot listen on systemd:domain=INET:" in line
    assert "`systemctl enable --now wsevents.socket`" in line
