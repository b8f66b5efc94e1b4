"""Clients of a real process that stop reading, beside some that read."""

import json
import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.websocket_client import trusting

STALLED = 20
EVENTS = 60
SIZE = 20_000
CLOSE = b"\x88\x0a" + (1013).to_bytes(2) + b"too slow"
MESSAGES = (b'{"op": "subscribe", "data": {"event_name": "*"}}', b'{"op": "start"}')


def stall(gateway):
    """Return a client with small buffers that subscribes, starts, and never reads again."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.settimeout(DEADLINE)
    raw.connect(("127.0.0.1", gateway.port))
    client = trusting().wrap_socket(raw, server_hostname="localhost")
    client.sendall(
        b"GET /?token=s3cret-user HTTP/1.1\r\nHost: localhost\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for text in MESSAGES:
        client.sendall(b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text)
    heard = b""
    while b'"op": "start"' not in heard:
        heard += client.recv(65536)
    return client


def memory(process):
    """Return the resident memory of a process in bytes (proc_pid_status(5))."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def listen(gateway, stack):
    client = stack.enter_context(gateway.connect("/?token=s3cret-user"))
    for text in MESSAGES:
        client.send(text.decode())
    while json.loads(client.recv(DEADLINE))["op"] != "start":
        pass
    return client


@pytest.mark.parametrize(
    ("outbound", "why"),
    [
        ("peer_bytes: 200000", "its queue is over outbound.peer_bytes"),
        ("peer_bytes: 200000, write_through: false", "its queue is over outbound.peer_bytes"),
        ("peer_bytes: 100000000, total_bytes: 500000", "all queues together are over outbound.total_bytes"),
        ("peer_bytes: 100000000, write_deadline: 0.5", "it read nothing within outbound.write_deadline"),
    ],
)
def test_those_who_stop_reading_are_closed_and_the_others_hear_everything(tmp_path, outbound, why):
    text = standalone(tmp_path) + f"outbound: {{{outbound}}}\n"
    with GatewayProcess(tmp_path, text) as gateway, ExitStack() as stack:
        readers = [listen(gateway.ready(), stack) for _ in range(3)]
        stalled = [stack.enter_context(stall(gateway)) for _ in range(STALLED)]
        before = memory(gateway.process)
        for number in range(EVENTS):
            publish(gateway, number)
            assert [number_of(reader.recv(DEADLINE)) for reader in readers] == [number] * 3
        assert memory(gateway.process) - before < STALLED * (2 * SIZE + 400_000) + 2**24
        if "write_deadline" in outbound:
            gateway.wait_for(rf"(?s)(?:; 1013 .*?){{{STALLED}}}")
        for client in stalled:
            client.close()
        gateway.wait_for(rf"(?s)(?:; 1013 [^;]*{why}.*?){{{STALLED}}}")
        readers.append(listen(gateway, stack))
        publish(gateway, -1)
        assert [number_of(reader.recv(DEADLINE)) for reader in readers] == [-1] * 4
    assert gateway.log.count("; 1013 ") == STALLED
    assert "Traceback" not in gateway.log


def publish(gateway, number):
    gateway.publish("e", data={"number": number, "filler": "x" * SIZE})


def number_of(text):
    return json.loads(text)["data"]["number"]


def test_one_who_reads_again_in_time_hears_the_rest_and_then_why_it_is_closed(tmp_path):
    text = standalone(tmp_path) + "outbound: {peer_bytes: 200000}\n"
    with GatewayProcess(tmp_path, text) as gateway, stall(gateway.ready()) as client:
        for number in range(EVENTS):
            publish(gateway, number)
        heard = b""
        while not heard.endswith(CLOSE):
            data = client.recv(65536)
            assert data, "the end comes after the close frame"
            heard += data
    numbers = [int(number) for number in re.findall(rb'"number": (\d+)', heard)]
    assert numbers == list(range(len(numbers)))
    assert 0 < len(numbers) < EVENTS
