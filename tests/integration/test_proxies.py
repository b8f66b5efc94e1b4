"""Peers behind proxies are known by their own addresses, and nobody else can say what his is."""

import json
import re
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.certificates import write_pair
from tests.client import Client, trusting
from tests.gateway import DEADLINE, GatewayProcess, standalone
from tests.haproxy import balancing
from tests.integration.test_isymphony import DIALECTS, HEAD, PASSWORD, SLOW, basic
from tests.integration.test_workers import shared
from tests.dialects.isymphony.accounts import PATH, quick_hash
from tests.nginx import terminating

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TOKEN = "/?token=s3cret-user&version=2"
HAPROXY = """
defaults
    mode tcp
    timeout connect 60s
    timeout client 60s
    timeout server 60s

frontend wsevents
    bind :9502
    default_backend gateways

backend gateways
    server gateway1 {address} {option}
"""


def introduced(address="192.0.2.7", port=4711):
    """Return a header of the binary form that speaks for somebody."""
    ends = socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", port, 9502)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(ends)) + ends


def through(folder, endpoint="haproxy:ssl:0:interface=127.0.0.1", more=""):
    """Return a configuration whose listener is for proxies on this machine."""
    text = standalone(folder).replace('"ssl:0:interface=127.0.0.1', f'"{endpoint}', 1)
    return f"{text}\ntrusted_proxies: [127.0.0.0/8]\n{more}\n"


def plain(folder, more="", endpoint="tcp:0:interface=127.0.0.1"):
    """Return a configuration whose listener has no TLS."""
    return re.sub(r"(?m)^listen: .*$", f'listen: ["{endpoint}"]', standalone(folder)) + more


@pytest.fixture
def gateway(tmp_path):
    with GatewayProcess(tmp_path, through(tmp_path)) as process:
        yield process.ready()


class Introduced(Client):
    """A client that first says whom it speaks for, as a proxy does."""

    def __init__(self, port, address, target=TOKEN):
        raw = socket.create_connection(("127.0.0.1", port), DEADLINE)
        raw.sendall(introduced(address))
        super().__init__(
            f"wss://localhost:{port}{target}", DEADLINE, ssl=trusting(), sock=raw, server_hostname="localhost"
        )


def listen_to_all(client):
    client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
    client.send('{"op": "start"}')
    assert [json.loads(client.recv(DEADLINE))["op"] for _ in range(3)] == ["init", "subscribe", "start"]


# -- the PROXY protocol


@pytest.mark.parametrize(
    ("option", "known"), [("send-proxy-v2", True), ("send-proxy", True), ("source 127.0.0.9 send-proxy-v2", True)]
)
def test_behind_haproxy_that_leaves_tls_alone_a_peer_has_its_own_address(tmp_path, gateway, option, known):
    text = HAPROXY.format(address=f"127.0.0.1:{gateway.port}", option=option)
    with balancing(tmp_path, text, ":9502") as haproxy:
        raw = socket.create_connection(("127.0.0.1", haproxy.port), DEADLINE, ("127.0.0.33", 0))
        url = f"wss://localhost:{haproxy.port}{TOKEN}"
        with Client(url, DEADLINE, ssl=trusting(), sock=raw, server_hostname="localhost") as client:
            listen_to_all(client)
    assert gateway.wait_for(r"session over: wazo (\S+) ")[1] == "127.0.0.33"
