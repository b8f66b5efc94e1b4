"""What a real twistd tells systemd, which is a datagram socket here."""

import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone

DOWN = "bus: {endpoint: 'tcp:127.0.0.1:1'}"


class Systemd:
    """Takes what it is told.

    Attributes:
        told: datagrams so far.
    """

    def __init__(self, address):
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(address)
        self._end.settimeout(DEADLINE)
        self.told = []

    def hear(self, pattern):
        """Wait for a datagram that matches; return the match."""
        while True:
            self.told.append(self._end.recv(4096).decode())
            if match := re.fullmatch(pattern, self.told[-1]):
                return match

    def close(self):
        self._end.close()


@pytest.fixture(params=["in a file", "without a file"])
def systemd(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify") if request.param == "in a file" else f"@wsevents-test-{os.getpid()}"
    listening = Systemd(name.replace("@", "\0"))
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    yield listening
    listening.close()


def test_it_is_ready_says_how_it_is_reloads_and_stops(tmp_path, systemd):
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        systemd.hear("READY=1")
        assert systemd.told == ["READY=1"]
        gateway.ready()
        systemd.hear("STATUS=0 peers, bus up")
        with gateway.connect("/?token=s3cret-user"):
            systemd.hear("STATUS=1 peers, bus up")
        systemd.hear("STATUS=0 peers, bus up")
        os.kill(gateway.process.pid, signal.SIGHUP)
        systemd.hear(r"RELOADING=1\nMONOTONIC_USEC=\d+")
        systemd.hear("READY=1")
        gateway.wait_for("reload: done")
        gateway.process.send_signal(signal.SIGTERM)
        assert systemd.hear(r"STOPPING=1\nEXTEND_TIMEOUT_USEC=(\d+)")[1] == "15000000"
        assert gateway.ended() == 0


def test_a_reload_that_fails_is_over_too(tmp_path, systemd):
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        systemd.hear("READY=1")
        (tmp_path / "config.yml").write_text("nonsense")
        os.kill(gateway.process.pid, signal.SIGHUP)
        systemd.hear(r"RELOADING=1\n.*")
        systemd.hear("READY=1")
        gateway.wait_for("the previous configuration stays in force")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bus_that_is_down_keeps_nobody_from_being_ready(tmp_path, systemd, workers):
    text = standalone(tmp_path).replace("bus: {type: memory}", f"workers: {workers}\n{DOWN}")
    with GatewayProcess(tmp_path, text) as gateway:
        systemd.hear("READY=1")
        assert "the bus is down" in gateway.log
        said = systemd.hear("STATUS=0 peers, bus down: (.*)")[1]
        assert said.startswith("tcp:127.0.0.1:1: ")
        assert "\n" not in said


def test_workers_are_not_who_systemd_listens_to(tmp_path, systemd, rabbitmq, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "600000000")
    text = standalone(tmp_path).replace(
        "bus: {type: memory}", f"workers: 2\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    )
    with GatewayProcess(tmp_path, text) as gateway:
        systemd.hear("READY=1")
        systemd.hear("STATUS=0 peers, bus up")
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
            pid = gateway.wait_for(rf"worker {worker} \(pid (\d+)\) is ready")[1]
            environ = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PYTHONPATH=" in environ
            assert b"NOTIFY_SOCKET" not in environ
            assert b"WATCHDOG" not in environ


def test_the_watchdog_hears_of_it_again_and_again(tmp_path, systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "500000")
    with GatewayProcess(tmp_path, standalone(tmp_path)):
        systemd.hear("READY=1")
        for _ in range(3):
            systemd.hear("WATCHDOG=1")


def test_the_watchdog_of_another_process_does_not(tmp_path, systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    with GatewayProcess(tmp_path, standalone(tmp_path)):
        systemd.hear("STATUS=0 peers, bus up")
        assert "WATCHDOG=1" not in systemd.told


IMPATIENT = """
from wsevents.workers import liveness
liveness.SLOW_ROUNDS, liveness.STUCK_ROUNDS = 1, 6
from twisted.scripts.twistd import run
run()
"""


def test_a_worker_that_hangs_gets_nobody_and_is_killed_and_started_again(tmp_path, rabbitmq):
    script = tmp_path / "impatient.py"
    script.write_text(IMPATIENT)
    text = standalone(tmp_path).replace(
        "bus: {type: memory}", f"workers: 2\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    )
    with GatewayProcess(tmp_path, text, twistd=(sys.executable, script)) as gateway:
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        pid = int(gateway.wait_for(r"worker 1 \(pid (\d+)\) starts")[1])
        since = len(gateway.log)
        os.kill(pid, signal.SIGSTOP)
        gateway.wait_for(rf"worker 1 \(pid {pid}\) is not responding; routing new connections", since)
        clients = [gateway.connect("/?token=s3cret-user") for _ in range(3)]
        for client in clients:
            assert "init" in client.recv(DEADLINE)
        assert "killing it" not in gateway.log[since:]
        gateway.wait_for(rf"worker 1 \(pid {pid}\) is not responding; killing it", since)
        gateway.wait_for("worker 1: the bus is up", since)
        for client in clients:
            client.send('{"op": "start"}')
            assert "start" in client.recv(DEADLINE)
            client.close()
