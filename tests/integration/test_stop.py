"""How a real twistd stops: it closes peers one after the other, or all at once after a second signal."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.crowd import Crowd
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.publisher import publish, publishing

__all__ = ["publish"]

LONG = 3600
"""Seconds: who stays for the whole drain has been forgotten."""


def draining(folder, seconds, broker=None, workers=1):
    """Return a configuration with such a drain."""
    text = standalone(folder).replace("drain: {seconds: 0}", f"drain: {{seconds: {seconds}}}")
    if broker is None:
        return text
    bus = f"workers: {workers}\nbus: {{endpoint: '{broker.endpoint}'}}"
    return text.replace("bus: {type: memory}", bus)


def ready(gateway, workers=1):
    for worker in range(1, workers + 1):
        gateway.wait_for(f"worker {worker}: the bus is up" if workers > 1 else "the bus is up")


def pids(gateway, workers):
    """Return the processes: the one that twistd has started, then the workers."""
    starts = (rf"worker {number} \(pid (\d+)\) starts" for number in range(1, workers + 1))
    return [gateway.process.pid, *(int(gateway.wait_for(line)[1]) for line in starts)]


def has_pending(pid, number):
    """Say whether a signal waits for a process, as its status tells (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    masks = re.findall(r"(?m)^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)$", status)
    assert len(masks) == 2
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def wait_until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2])
def test_peers_go_one_after_the_other_and_hear_events_until_it_is_their_turn(
    tmp_path, rabbitmq, publish, workers
):
    with GatewayProcess(tmp_path, draining(tmp_path, 5, rabbitmq, workers)) as gateway:
        ready(gateway, workers)
        with Crowd(gateway, 40) as crowd, publishing(publish) as bodies:
            gateway.process.send_signal(signal.SIGTERM)
            assert crowd.until(lambda member: member.code is not None)
        assert gateway.ended() == 0
        assert crowd.codes == {1001}
        sent = [json.dumps(body) for body in bodies]
        for member in crowd.members:
            heard = [json.dumps(json.loads(text)) for text in member.heard]
            start = sent.index(heard[0]) if heard else 0
            assert heard == sent[start : start + len(heard)]
        # The number of events of each peer shows that they were closed at different times.
        assert len({len(member.heard) for member in crowd.members}) > 10
        assert "Traceback" not in gateway.log


def test_nobody_is_let_in_any_more_and_handshakes_are_ended(tmp_path):
    with GatewayProcess(tmp_path, draining(tmp_path, LONG)) as gateway:
        with gateway.ready().dial() as half, Crowd(gateway, 2) as crowd:
            half.sendall(b"GET /?token=s3cret-user HTTP/1.1\r\n")
            gateway.process.send_signal(signal.SIGTERM)
            gateway.wait_for("stopping: closing 2 peers within 3600 s")
            with pytest.raises(OSError):
                half.sendall(b"Host: localhost\r\n")
                if not half.recv(1):
                    raise ConnectionResetError
            with pytest.raises(OSError):
                gateway.dial()
            wait_until(lambda: 1001 in crowd.codes)
            assert crowd.codes == {None, 1001}, "the first goes at once, the other has time"
            gateway.process.send_signal(signal.SIGTERM)
            assert crowd.until(lambda member: member.code == 1001)
        assert gateway.ended() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_stops_at_once(tmp_path, second):
    with GatewayProcess(tmp_path, draining(tmp_path, LONG)) as gateway:
        with Crowd(gateway.ready(), 10) as crowd:
            gateway.process.send_signal(signal.SIGTERM)
            wait_until(lambda: 1001 in crowd.codes)
            gateway.process.send_signal(second)
            gateway.wait_for(f"stopping at once: received {second.name}")
            assert gateway.ended() == 0
            assert crowd.until(lambda member: member.code == 1001)
        assert gateway.log.count("session closed") == 10
        assert "Traceback" not in gateway.log
        assert "Unhandled" not in gateway.log


def test_a_signal_for_all_processes_is_one_and_the_second_for_the_supervisor_is_for_all(tmp_path, rabbitmq):
    """Systemd signals all processes: the workers get the signal from it and from the supervisor."""
    with GatewayProcess(tmp_path, draining(tmp_path, LONG, rabbitmq, workers=2)) as gateway:
        ready(gateway, 2)
        with Crowd(gateway, 10) as crowd:
            for pid in pids(gateway, 2):
                os.kill(pid, signal.SIGTERM)
            for worker in (1, 2):
                gateway.wait_for(f"worker {worker}: stopping: closing 5 peers within")
                wait_until(lambda: sum(member.code == 1001 for member in crowd.members) == 2)
            for pid in pids(gateway, 2)[1:]:
                os.kill(pid, signal.SIGTERM)
            for pid in pids(gateway, 2)[1:]:
                wait_until(lambda pid=pid: not has_pending(pid, signal.SIGTERM))
            crowd.ping()  # a worker that answers has acted on the signals that came before
            assert sum(member.code is None for member in crowd.members) == 8
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.ended() == 0
            assert crowd.until(lambda member: member.code == 1001)
        assert "did not exit" not in gateway.log
        assert "restarting it" not in gateway.log
        assert "Traceback" not in gateway.log


def test_who_has_no_peers_stops_at_once(tmp_path):
    with GatewayProcess(tmp_path, draining(tmp_path, LONG)) as gateway:
        assert gateway.ready().stop() == 0


def test_a_hangup_of_the_terminal_ends_what_has_no_configuration_to_read_again(tmp_path):
    """Otherwise the process would run on without a terminal."""
    script = tmp_path / "anywhere.py"
    script.write_text(
        "from wsevents import tap\n"
        "from wsevents.api.settings import ListenEntry, StatusSettings\n"
        "from attrs import evolve\n"
        "embedded = tap.embedded\n"
        "listen = [ListenEntry('tcp:0:interface=127.0.0.1')]\n"
        "tap.embedded = lambda *arguments: evolve(\n"
        "    embedded(*arguments), status=StatusSettings(endpoint=None), listen=listen\n"
        ")\n"
        "from twisted.scripts.twistd import run\n"
        "run()\n"
    )
    with GatewayProcess(tmp_path, twistd=(sys.executable, script)) as gateway:
        assert gateway.ready().stop(signal.SIGHUP) == -signal.SIGHUP
