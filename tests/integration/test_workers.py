"""Real workers of a real twistd on a real RabbitMQ: the distribution of peers, and what happens to them."""

import json
import os
import re
import select
import signal
import socket
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.gateway_process import DEADLINE, GatewayProcess, activated_twistd, standalone
from tests.support.publisher import publish
from tests.support.websocket_client import Client, trusting

__all__ = ["publish"]

PEERS = 20
LIMIT = 0.65 * PEERS
"""No worker may have more peers than this."""


def shared(folder, broker, workers=2):
    """Return a configuration with so many workers."""
    bus = f"workers: {workers}\nbus: {{endpoint: '{broker.endpoint}'}}"
    return standalone(folder).replace("bus: {type: memory}", bus)


@contextmanager
def started(folder, text, **options):
    """Give a gateway with two workers that are connected to the bus."""
    with GatewayProcess(folder, text, **options) as gateway:
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        yield gateway


def pid_of(gateway, worker, since=0):
    return int(gateway.wait_for(rf"worker {worker} \(pid (\d+)\) starts", since)[1])


@contextmanager
def watched(*pids):
    """Give a function that waits until these processes are gone, whosever children they are."""
    with ExitStack() as stack:
        poll, left = select.poll(), set()
        for pid in pids:
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
            left.add(descriptor)

        def gone():
            while left:
                ended = poll.poll(DEADLINE * 1000)
                assert ended, "they are still there"
                for descriptor, _ in ended:
                    poll.unregister(descriptor)
                    left.remove(descriptor)

        yield gone


def enter(stack, gateway, count=1):
    """Return so many clients that have asked for every event."""
    clients = [stack.enter_context(gateway.connect("/?token=s3cret-user&version=2")) for _ in range(count)]
    for client in clients:
        client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
        client.send('{"op": "start"}')
        assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
    return clients


def receive(client):
    return json.loads(client.recv(DEADLINE))


def hear(clients, event):
    """Check that each client receives this event, and nothing before it."""
    assert [receive(client)["data"] for client in clients] == [event] * len(clients)


def code(client):
    """Return the close code that a client gets; 1006: none at all (RFC 6455 section 7.1.5)."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.recv(DEADLINE)
    return closed.value.rcvd.code if closed.value.rcvd else 1006


def parted(clients, publish, event="who_is_left"):
    """Return the clients that still receive events, and those that were disconnected."""
    publish(event)
    left, gone = [], []
    for client in clients:
        try:
            assert receive(client)["data"]["name"] == event
            left.append(client)
        except ConnectionClosed as closed:
            assert closed.rcvd is None, "a close frame was received"
            gone.append(client)
    return left, gone


def test_a_worker_that_is_killed_costs_its_own_peers_only_and_comes_back(tmp_path, rabbitmq, publish):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        clients = enter(stack, gateway, PEERS)
        hear(clients, publish("for_all"))
        mark = len(gateway.log)
        killed = pid_of(gateway, 2)
        os.kill(killed, signal.SIGKILL)
        gateway.wait_for("worker 2: the bus is up", mark)
        left, gone = parted(clients, publish)
        assert max(len(left), len(gone)) <= LIMIT
        again = enter(stack, gateway, len(gone))
        hear(left + again, publish("for_those_who_are_here"))
        lines = [line for line in gateway.log[mark:].splitlines() if f"pid {killed}" in line]
        assert len(lines) == 1
        assert lines[0].endswith(f"worker 2 (pid {killed}) was killed by SIGKILL; restarting it now")
        # They came back to the new one: without the other it has all of them.
        os.kill(pid_of(gateway, 1), signal.SIGKILL)
        gateway.wait_for("worker 1: the bus is up", len(gateway.log))
        left, gone = parted(left + again, publish, "and_again")
        assert max(len(left), len(gone)) <= LIMIT


def test_stopping_says_goodbye_to_all_and_leaves_no_process(tmp_path, rabbitmq):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        with watched(*(pid_of(gateway, worker) for worker in (1, 2))) as gone:
            clients = enter(stack, gateway, 4)
            gateway.process.send_signal(signal.SIGTERM)
            assert [code(client) for client in clients] == [1001] * 4
            assert gateway.ended() == 0
            gone()
        for worker in (1, 2):
            assert gateway.log.count(f"worker {worker}: session closed: wazo 127.0.0.1 user=u1") == 2
            assert re.search(rf"worker {worker} \(pid \d+\) exited with status 0", gateway.log)
        assert "s3cret" not in gateway.log
        assert "Traceback" not in gateway.log
        assert "restarting it" not in gateway.log
        assert "the supervisor has exited" not in gateway.log


def test_in_json_the_lines_of_workers_have_their_fields_and_the_number(tmp_path, rabbitmq):
    text = shared(tmp_path, rabbitmq) + "\nlog: {format: json}\n"
    with GatewayProcess(tmp_path, text) as gateway, ExitStack() as stack:
        for worker in (1, 2):
            gateway.wait_for(f'"the bus is up", "worker": {worker}')
        enter(stack, gateway, 2)
    over = [line for line in map(json.loads, gateway.log.splitlines()) if "session closed" in line["text"]]
    assert {line["worker"] for line in over} == {1, 2}
    assert [(line["level"], line["user"], line["code"]) for line in over] == [("info", "u1", None)] * 2


def test_a_signal_for_all_processes_at_once_stops_them_in_order_too(tmp_path, rabbitmq):
    """As systemd sends it, or a terminal."""
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        clients = enter(stack, gateway, 2)
        pids = [gateway.process.pid, *(pid_of(gateway, worker) for worker in (1, 2))]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert [code(client) for client in clients] == [1001] * 2
        assert gateway.ended() == 0
        assert "Traceback" not in gateway.log
        assert "restarting it" not in gateway.log


def test_workers_end_when_their_supervisor_is_killed(tmp_path, rabbitmq):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        gone = stack.enter_context(watched(*(pid_of(gateway, worker) for worker in (1, 2))))
        clients = enter(stack, gateway, 4)
        assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
        assert [code(client) for client in clients] == [1001] * 4
        gone()


def test_a_worker_that_does_not_end_is_killed(tmp_path, rabbitmq):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway:
        pids = [pid_of(gateway, worker) for worker in (1, 2)]
        with watched(*pids) as gone:
            os.kill(pids[0], signal.SIGSTOP)
            gateway.process.send_signal(signal.SIGTERM)
            gateway.wait_for(rf"worker 2 \(pid {pids[1]}\) exited with status 0")
            assert gateway.stop() == 0  # the second signal: it waits for less time
            gone()
        assert f"worker 1 (pid {pids[0]}) did not exit in time; killing it" in gateway.log
        assert f"worker 1 (pid {pids[0]}) was killed by SIGKILL" in gateway.log


def test_one_worker_may_be_stopped_by_hand_and_its_peers_are_told(tmp_path, rabbitmq, publish):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        clients = enter(stack, gateway, 2)  # the first to the first, the second to the second
        mark = len(gateway.log)
        os.kill(pid_of(gateway, 1), signal.SIGTERM)
        assert code(clients[0]) == 1001
        gateway.wait_for(r"worker 1 \(pid \d+\) exited with status 0; restarting it now", mark)
        gateway.wait_for("worker 1: the bus is up", mark)
        hear([clients[1], *enter(stack, gateway)], publish("e"))


def test_a_worker_that_cannot_start_is_tried_again_later_and_the_others_serve_on(tmp_path, rabbitmq, publish):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway, ExitStack() as stack:
        key = tmp_path / "server.key"
        key.rename(tmp_path / "away")
        mark = len(gateway.log)
        os.kill(pid_of(gateway, 1), signal.SIGKILL)
        gateway.wait_for(rf"worker 1: wsevents: listen\[0\]: cannot read {key}: No such file", mark)
        gateway.wait_for(r"worker 1 \(pid \d+\) exited with status 78; restarting it in 1 s", mark)
        clients = enter(stack, gateway, 3)
        (tmp_path / "away").rename(key)
        gateway.wait_for("worker 1: the bus is up", mark)
        clients += enter(stack, gateway, 3)
        hear(clients, publish("e"))
        assert "Traceback" not in gateway.log


def test_passwords_are_in_no_line_and_in_no_list_of_processes(tmp_path, rabbitmq):
    text = shared(tmp_path, rabbitmq).replace("bus: {", "bus: {username: guest, password: s3cret-pass, ")
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.wait_for("worker 2: the bus is down.*ACCESS_REFUSED")
        for worker in (1, 2):
            words = Path(f"/proc/{pid_of(gateway, worker)}/cmdline").read_bytes().split(b"\0")
            assert words[1:5] == [b"-P", b"-m", b"wsevents.workers.main", b"%d" % worker]
            assert b"s3cret" not in b"".join(words)
    assert "s3cret" not in gateway.log


# -- where they listen ----------------------------------------------------------------------------


NUMBERS = count()


def hears(url, publish, context, introduction=b""):
    """Check that a client of this URL receives an event; `introduction` is sent before TLS."""
    raw = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), DEADLINE)
    raw.sendall(introduction)
    options = {"ssl": context, "sock": raw} | ({"server_hostname": "localhost"} if context else {})
    with Client(f"{url}/?token=s3cret-user&version=2", DEADLINE, **options) as client:
        name = f"e{next(NUMBERS)}"  # a worker may still get the previous event
        client.send(json.dumps({"op": "subscribe", "data": {"event_name": name}}))
        client.send('{"op": "start"}')
        assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        hear([client], publish(name))


def test_every_kind_of_listener_can_be_shared(tmp_path, rabbitmq, publish):
    text = shared(tmp_path, rabbitmq)
    pems = tmp_path / "pems"
    pems.mkdir()
    pem = (tmp_path / "server.key").read_bytes() + (tmp_path / "server.crt").read_bytes()
    (pems / "localhost.pem").write_bytes(pem)
    more = [
        "tcp:0:interface=127.0.0.1",
        r"tls:%s:port=0:interface=\\:\\:ffff\\:127.0.0.1" % pems,  # noqa: UP031 braces would be YAML's
        r"haproxy:tcp:0:interface=127.0.0.1",
        r"haproxy:tls:%s:port=0:interface=\\:\\:ffff\\:127.0.0.1" % pems,  # noqa: UP031
    ]
    text = text.replace('certKey={}"]'.format(tmp_path / "server.crt"), 'certKey={}", {}]'.format(
        tmp_path / "server.crt", ", ".join(f'"{one}"' for one in more)
    ))  # fmt: skip
    with started(tmp_path, text + "\ntrusted_proxies: [127.0.0.1]") as gateway:
        said = re.findall(r"wsevents\.connections\.listeners#info\] listening on \S+:(\d+)", gateway.log)
        secure, plain, folder, proxied, both = map(int, said)
        hears(f"wss://localhost:{secure}", publish, trusting())
        hears(f"ws://localhost:{plain}", publish, None)
        hears(f"wss://localhost:{folder}", publish, trusting())
        introduction = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 9502\r\n"
        hears(f"ws://localhost:{proxied}", publish, None, introduction)
        hears(f"wss://localhost:{both}", publish, trusting(), introduction)
        gateway.wait_for(r"(?s)(worker \d: session closed: wazo 192\.0\.2\.7 .*){2}")


def test_a_socket_of_systemd_can_be_shared(tmp_path, rabbitmq, publish):
    text = re.sub("listen: .*", 'listen: ["systemd:domain=INET:index=0"]', shared(tmp_path, rabbitmq))
    with started(tmp_path, text, twistd=activated_twistd(tmp_path)) as gateway:
        for _ in range(2):
            hears(f"ws://localhost:{gateway.port}", publish, None)


def test_a_socket_of_systemd_can_be_shared_with_tls_around_it(tmp_path, rabbitmq, publish):
    text = shared(tmp_path, rabbitmq).replace("ssl:0:interface=127.0.0.1", "systemd:domain=INET:index=0")
    with started(tmp_path, text, twistd=activated_twistd(tmp_path)) as gateway:
        for _ in range(2):
            hears(f"wss://localhost:{gateway.port}", publish, trusting())


# -- what an operator may do wrong ----------------------------------------------------------------


def fails(folder, text, status=os.EX_CONFIG):
    gateway = GatewayProcess(folder, text)
    assert gateway.ended() == status
    assert "Traceback" not in gateway.log
    assert "starts" not in gateway.log
    return [line for line in gateway.log.splitlines() if "wsevents: " in line]


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_a_bus_in_memory_is_for_one_process(tmp_path, workers):
    (line,) = fails(tmp_path, f"workers: {workers}\n" + standalone(tmp_path))
    assert f"{tmp_path}/config.yml: workers: must be 1 with a bus within the process; leave it out" in line


def test_a_port_that_is_taken_stops_the_start_before_any_worker(tmp_path, rabbitmq):
    with started(tmp_path, shared(tmp_path, rabbitmq)) as gateway:
        text = shared(tmp_path, rabbitmq).replace("ssl:0", f"ssl:{gateway.port}")
        (line,) = fails(tmp_path, text, status=1)
    assert "listen[0]: cannot listen on " in line
    assert "in use" in line


def test_a_unix_socket_cannot_be_shared(tmp_path, rabbitmq):
    text = re.sub("listen: .*", f'listen: ["unix:{tmp_path}/socket"]', shared(tmp_path, rabbitmq))
    (line,) = fails(tmp_path, text)
    assert "listen[0]: cannot listen on unix:" in line
    assert "workers share TCP ports only; set `workers` to 1" in line


def test_one_worker_is_no_worker(tmp_path, rabbitmq, publish):
    with GatewayProcess(tmp_path, shared(tmp_path, rabbitmq, workers=1)) as gateway, ExitStack() as stack:
        hear(enter(stack, gateway.ready()), publish("e"))
        assert "worker" not in gateway.log
        process = gateway.process.pid
        assert Path(f"/proc/{process}/task/{process}/children").read_text() == ""
