"""Several gateways behind a real haproxy, as the documentation has it, on one real RabbitMQ."""

import os
import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.test_workers import hear, receive
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.haproxy import balancing
from tests.support.publisher import publish
from tests.support.websocket_client import Client, trusting

__all__ = ["publish"]

PAGE = (Path(__file__).parents[2] / "docs" / "operating" / "scale.md").read_text()
(EXAMPLE,) = re.findall(r"^```haproxy\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PEERS = 10


@pytest.fixture
def gateways(tmp_path, rabbitmq):
    """Two gateways on one RabbitMQ."""
    with ExitStack() as stack:
        started = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            text = standalone(folder).replace("type: memory", f"endpoint: '{rabbitmq.endpoint}'")
            text = text.replace('"ssl:', '"haproxy:ssl:') + "trusted_proxies: [127.0.0.1]\n"
            started.append(stack.enter_context(GatewayProcess(folder, text)))
        yield [gateway.ready() for gateway in started]


@pytest.fixture
def haproxy(tmp_path, gateways):
    """The documentation's haproxy before the two; it has found both well."""
    text = EXAMPLE
    for address, gateway in zip(re.findall(r"(?m)^ +server \S+ (\S+)", EXAMPLE), gateways, strict=True):
        text = text.replace(address, f"127.0.0.1:{gateway.port}")
    with balancing(tmp_path, text, ":9502") as haproxy:
        for number in (1, 2):
            haproxy.wait_for(f"gateways/gateway{number} succeeded, reason: Layer7 check passed, code: 200")
        yield haproxy


def enter(stack, port, count):
    clients = []
    for _ in range(count):
        url = f"wss://localhost:{port}/?token=s3cret-user&version=2"
        raw = socket.create_connection(("127.0.0.1", port), DEADLINE, ("127.0.0.33", 0))
        client = Client(url, DEADLINE, ssl=trusting(), sock=raw, server_hostname="localhost")
        clients.append(stack.enter_context(client))
        clients[-1].send('{"op": "subscribe", "data": {"event_name": "*"}}')
        clients[-1].send('{"op": "start"}')
        assert [receive(clients[-1])["op"] for _ in range(3)] == ["init", "subscribe", "start"]
    return clients


def test_clients_are_on_both_gateways_and_those_of_a_lost_one_come_back_by_the_other(
    gateways, haproxy, publish
):
    with ExitStack() as stack:
        clients = enter(stack, haproxy.port, PEERS)
        hear(clients, publish("for_all"))
        assert gateways[0].stop(signal.SIGKILL) == -signal.SIGKILL
        publish("for_those_who_are_left")
        left = []
        for client in clients:
            try:
                assert receive(client)["data"]["name"] == "for_those_who_are_left"
                left.append(client)
            except ConnectionClosed as closed:
                assert closed.rcvd is None
        assert len(left) == PEERS / 2
        again = enter(stack, haproxy.port, PEERS - len(left))
        hear(left + again, publish("for_all_again"))
        gateways[1].stop()
        assert gateways[1].log.count("session closed: wazo 127.0.0.33 ") == PEERS


def test_a_gateway_that_is_stuck_is_found_out_and_its_clients_may_go_to_the_other(gateways, haproxy, publish):
    with ExitStack() as stack:
        clients = enter(stack, haproxy.port, 2)
        os.kill(gateways[0].process.pid, signal.SIGSTOP)
        stack.callback(os.kill, gateways[0].process.pid, signal.SIGCONT)
        with pytest.raises(ConnectionClosed):
            clients[0].recv(DEADLINE)
        haproxy.wait_for("Server gateways/gateway1 is DOWN")
        hear([clients[1], *enter(stack, haproxy.port, 1)], publish("for_all"))
