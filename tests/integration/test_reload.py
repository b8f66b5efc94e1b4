"""SIGHUP at a real twistd: what changes while peers are connected, and that no peer is affected."""

import json
import os
import re
import signal
import socket
import ssl
import sys
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.certificates import write_pair
from tests.support.crowd import Crowd
from tests.support.gateway_process import DEADLINE, GatewayProcess, activated_twistd, own_gateway, standalone
from tests.support.publisher import publish, publishing
from tests.support.websocket_client import trusting

__all__ = ["own_gateway", "publish"]

PEERS = 200
ROUNDS = 4


@pytest.fixture
def gateway(own_gateway):
    """A gateway that a test may give another configuration."""
    return own_gateway


def receive(client):
    return json.loads(client.recv(DEADLINE))


def subscribe(client, name):
    client.send(json.dumps({"op": "subscribe", "data": {"event_name": name}}))


def reload(gateway, expected="reload: done"):
    """Have it read its configuration again; return what it says of that."""
    since = len(gateway.log)
    os.kill(gateway.process.pid, signal.SIGHUP)
    gateway.wait_for(expected, since)
    return gateway.log[since:]


def rewrite(gateway, old, new):
    """Change the file."""
    file = gateway.folder / "config.yml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def shown(gateway, times=1, port=None, head=b""):
    """Return the certificates of several simultaneous new connections; `head` is sent before TLS."""
    with ExitStack() as stack:
        dialed = []
        for _ in range(times):
            raw = socket.create_connection(("127.0.0.1", port or gateway.port), DEADLINE)
            raw.sendall(head)
            dialed.append(stack.enter_context(trusting().wrap_socket(raw, server_hostname="localhost")))
        return {ssl.DER_cert_to_PEM_cert(one.getpeercert(binary_form=True)) for one in dialed}


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_is_closed_and_no_event_lost_or_doubled_whatever_is_read_again(
    tmp_path, rabbitmq, publish, workers
):
    bus = f"workers: {workers}\nlimits: {{subscriptions: 100}}\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    text = standalone(tmp_path).replace("bus: {type: memory}", bus)
    with GatewayProcess(tmp_path, text) as gateway:
        for worker in range(1, workers + 1):
            gateway.wait_for(f"worker {worker}: the bus is up" if workers > 1 else "the bus is up")
        with Crowd(gateway, PEERS) as crowd, publishing(publish) as bodies:
            for turn in range(ROUNDS):
                certificate = write_pair(tmp_path)[1]
                rewrite(gateway, f"subscriptions: {100 + turn}", f"subscriptions: {101 + turn}")
                assert "changed keys: limits.subscriptions\n" in reload(gateway)
                assert shown(gateway, 2 * workers) == {certificate.read_text()}
                good = certificate.read_text()
                certificate.write_text("no certificate")
                said = reload(gateway, "the previous configuration stays in force")
                assert f"listen[0]: {certificate} must be a certificate in PEM format" in said
                certificate.write_text(good)
                assert shown(gateway, 2 * workers) == {good}
            enough = len(bodies) + 1
            assert crowd.until(lambda member: len(member.heard) >= enough)
        sent = [json.dumps(body) for body in bodies]
        assert len(sent) > ROUNDS
        for member in crowd.members:
            assert [json.dumps(json.loads(text)) for text in member.heard] == sent[: len(member.heard)]
        assert crowd.codes == {None}
    assert "Traceback" not in gateway.log


@pytest.mark.parametrize("workers", [1, 2])
def test_every_listener_with_a_certificate_shows_the_new_one(tmp_path, rabbitmq, workers):
    bus = f"workers: {workers}\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    text = standalone(tmp_path).replace("bus: {type: memory}", bus)
    own = re.search(r'listen: \["(ssl:.*)"\]', text)[1]
    folder = tmp_path / "pems"
    folder.mkdir()
    more = ["tcp:0:interface=127.0.0.1", f"tls:{folder}:port=0:interface=127.0.0.1", f"haproxy:{own}"]
    text = text.replace(f'["{own}"]', json.dumps([own, *more]))
    text += f'status: {{endpoint: "{own}"}}\ntrusted_proxies: [127.0.0.1]\n'
    keep(tmp_path, folder)
    with GatewayProcess(tmp_path, text) as gateway:
        for worker in range(1, workers + 1):
            gateway.wait_for(f"worker {worker}: the bus is up" if workers > 1 else "the bus is up")
        _, _, secure, proxied, *_ = re.findall(r"listening on 127.0.0.1:(\d+)", gateway.log)
        status = gateway.wait_for(r"status and metrics at 127.0.0.1:(\d+)")[1]
        certificate = tmp_path / "server.crt"

        def all_shown():
            there = {
                one for port in (gateway.port, int(secure), int(status)) for one in shown(gateway, 2, port)
            }
            return there | shown(gateway, 2, int(proxied), b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 9502\r\n")

        assert all_shown() == {certificate.read_text()}
        write_pair(tmp_path)
        keep(tmp_path, folder)
        reload(gateway)
        assert all_shown() == {certificate.read_text()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_socket_of_systemd_shows_the_new_certificate_too(tmp_path, rabbitmq, workers):
    bus = f"workers: {workers}\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    text = standalone(tmp_path).replace("bus: {type: memory}", bus)
    text = text.replace("ssl:0:interface=127.0.0.1", "systemd:domain=INET:index=0")
    with GatewayProcess(tmp_path, text, activated_twistd(tmp_path)) as gateway:
        for worker in range(1, workers + 1):
            gateway.wait_for(f"worker {worker}: the bus is up" if workers > 1 else "the bus is up")
        for _ in range(2):
            certificate = write_pair(tmp_path)[1]
            reload(gateway)
            assert shown(gateway, 4) == {certificate.read_text()}
        with gateway.connect("/?token=s3cret-user") as client:
            assert receive(client)["op"] == "init"


def test_the_level_of_the_log_changes(gateway):
    file = gateway.folder / "config.yml"
    file.write_text(file.read_text() + "log: {level: warn}\n")
    end = time.monotonic() + DEADLINE
    while True:  # no line says when this reload is done
        os.kill(gateway.process.pid, signal.SIGHUP)
        if not come_and_go(gateway):
            break
        assert time.monotonic() < end
    file.write_text(file.read_text().replace("level: warn", "level: debug"))
    assert "changed keys: log.level\n" in reload(gateway)
    assert come_and_go(gateway)


def mistaken(gateway):
    """Reload a configuration that cannot be used, which is always a line, and put back the one before."""
    file = gateway.folder / "config.yml"
    text = file.read_text()
    file.write_text("nonsense")
    reload(gateway, "reload: .*: must hold keys and values")
    file.write_text(text)


def come_and_go(gateway):
    """Say whether a session that is over is a line."""
    since = len(gateway.log)
    for _ in range(2):  # the gateway has seen the first one go when it greets the second one
        with gateway.connect("/?token=s3cret-user") as client:
            receive(client)
    mistaken(gateway)
    return "session closed" in gateway.log[since:]


def keep(tmp_path, folder):
    """Put key and certificate into a folder of those by name."""
    pem = (tmp_path / "server.key").read_bytes() + (tmp_path / "server.crt").read_bytes()
    (folder / "localhost.pem").write_bytes(pem)


def test_limits_hold_for_who_comes_then(gateway):
    with gateway.connect("/?token=s3cret-user") as before:
        receive(before)
        file = gateway.folder / "config.yml"
        file.write_text(file.read_text() + "limits: {subscriptions: 1}\n")
        said = reload(gateway)
        assert "reload: done; certificates reloaded, changed keys: limits.subscriptions\n" in said
        for name in ("a", "b"):
            subscribe(before, name)
        before.send('{"op": "start"}')
        assert [receive(before)["op"] for _ in range(3)] == ["subscribe", "subscribe", "start"]
        with gateway.connect("/?token=s3cret-user") as client:
            for name in ("a", "b"):
                subscribe(client, name)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    client.recv(DEADLINE)
            assert closed.value.rcvd.code == 4004


def test_a_token_that_is_gone_ends_its_sessions_and_one_that_sees_other_things_goes_on(gateway):
    with ExitStack() as stack:
        user, other = (
            stack.enter_context(gateway.connect(f"/?token=s3cret-{name}")) for name in ("user", "other")
        )
        for client in (user, other):
            subscribe(client, "*")
            client.send('{"op": "start"}')
            assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        rewrite(gateway, "s3cret-other: {uuid: u2, tenant_uuid: t2", "s3cret-new: {uuid: u2, tenant_uuid: t1")
        said = reload(gateway)
        assert "changed keys: auth.tokens\n" in said
        with pytest.raises(ConnectionClosed) as closed:
            other.recv(DEADLINE)
        assert closed.value.rcvd.code == 4003
        new = stack.enter_context(gateway.connect("/?token=s3cret-new"))
        assert receive(new)["op"] == "init"
        body = gateway.publish("e")
        assert user.recv(DEADLINE) == body
        rewrite(gateway, 's3cret-user: {uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.#"]}',
                's3cret-user: {uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.other"]}')  # fmt: skip
        reload(gateway)
        gateway.publish("e", "s3cret-new")
        user.send('{"op": "start"}')
        assert receive(user)["op"] == "start", "it does not see events any more, and is still there"
    assert "s3cret" not in gateway.log


def test_what_cannot_change_is_named_and_stays(gateway):
    rewrite(gateway, "ssl:0:interface=127.0.0.1", "ssl:0:interface=127.0.0.1:backlog=77")
    rewrite(gateway, "bus: {type: memory}", "bus: {type: memory, exchange_name: other}\nworkers: 1")
    said = reload(gateway)
    assert "reload: listen[0].endpoint needs a restart to change\n" in said
    assert "reload: bus.exchange_name needs a restart to change\n" in said
    assert "reload: done; certificates reloaded, changed keys: none\n" in said
    with gateway.connect("/?token=s3cret-user") as client:
        for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
            client.send(text)
        assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        assert gateway.publish("e") == client.recv(DEADLINE)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("drain: ", "dran: ", "config.yml: dran: is not a known key; did you mean drain?"),
        ("drain: {seconds: 0}", "drain: {seconds: 0", "config.yml: line"),
        ("drain: {seconds: 0}", "limits: {message_bytes: lots}", "limits.message_bytes: must be a whole"),
        (
            'listen: ["',
            'dialects: {wazo: {}}\nlisten: ["tcp:nowhere", "',
            "config.yml: listen[0]: is not a usable endpoint",
        ),
    ],
)
def test_a_mistake_in_the_file_leaves_everything_as_it_was(gateway, old, new, said):
    with gateway.connect("/?token=s3cret-user") as client:
        assert receive(client)["op"] == "init"
        rewrite(gateway, old, new)
        text = reload(gateway, "reload: failed; the previous configuration stays in force")
        (line,) = [line for line in text.splitlines() if "error]" in line]
        assert said in line
        client.send('{"op": "start"}')
        assert receive(client)["op"] == "start"
    assert "Traceback" not in gateway.log


def test_a_file_that_is_gone_leaves_everything_as_it_was(gateway):
    (gateway.folder / "config.yml").unlink()
    said = reload(gateway, "reload: failed; the previous configuration stays in force")
    assert "config.yml: cannot be read: No such file or directory" in said
    with gateway.connect("/?token=s3cret-user") as client:
        assert receive(client)["op"] == "init"


def test_one_that_is_asked_for_during_the_start_is_done_after_it(tmp_path):
    script = tmp_path / "early.py"
    script.write_text(
        "import os, signal\n"
        "from wsevents import tap\n"
        "made = tap._create_service\n"
        "def early(*about):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return made(*about)\n"
        "tap._create_service = early\n"
        "from twisted.scripts.twistd import run\n"
        "run()\n"
    )
    with GatewayProcess(tmp_path, standalone(tmp_path), twistd=(sys.executable, script)) as gateway:
        gateway.ready().wait_for("reload: done")
        assert gateway.stop() == 0


def test_several_at_once_are_done_one_after_the_other(gateway):
    for _ in range(5):
        reload(gateway, "reload: ")
    gateway.stop()
    assert "Traceback" not in gateway.log
    assert "Unhandled" not in gateway.log


def shared(folder, broker):
    """Return a configuration with two workers."""
    bus = f"workers: 2\nbus: {{endpoint: '{broker.endpoint}'}}"
    return standalone(folder).replace("bus: {type: memory}", bus)


def pid_of(gateway, worker, since=0):
    return int(gateway.wait_for(rf"worker {worker} \(pid (\d+)\) starts", since)[1])


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_worker_has_the_new_configuration_also_if_it_starts_later_or_meanwhile(tmp_path, rabbitmq, when):
    with GatewayProcess(tmp_path, shared(tmp_path, rabbitmq)) as gateway:
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        rewrite(gateway, "workers: 2", "workers: 2\nlimits: {connections_per_address: 1}")
        if when == "before":
            reload(gateway)
        since = len(gateway.log)
        os.kill(pid_of(gateway, 1), signal.SIGKILL)
        pid_of(gateway, 1, since)
        if when == "while":
            reload(gateway)
        gateway.wait_for("worker 1: the bus is up", since)
        with ExitStack() as stack:
            for _ in range(2):  # one for each worker
                assert receive(stack.enter_context(gateway.connect("/?token=s3cret-user")))["op"] == "init"
            for _ in range(2):
                with pytest.raises(OSError):
                    stack.enter_context(gateway.connect("/?token=s3cret-user"))
        # Of two that have as many it is the turn of the first, which is the new one.
        gateway.wait_for("worker 1: a connection from .* too many connections from its address")


def test_if_one_worker_cannot_change_none_does(tmp_path, rabbitmq):
    with GatewayProcess(tmp_path, shared(tmp_path, rabbitmq)) as gateway:
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        before = (tmp_path / "server.crt").read_text()
        write_pair(tmp_path)
        os.kill(pid_of(gateway, 2), signal.SIGSTOP)
        said = reload(gateway, "reload: failed; the previous configuration stays in force")
        assert f"reload: worker 2 (pid {pid_of(gateway, 2)}): not responding\n" in said
        os.kill(pid_of(gateway, 2), signal.SIGCONT)
        assert shown(gateway, 4) == {before}
        reload(gateway)
        assert shown(gateway, 4) == {(tmp_path / "server.crt").read_text()}
