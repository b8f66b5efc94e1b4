"""The status listener of a real gateway, and of real workers on a real RabbitMQ."""

import json
import os
import signal
from contextlib import ExitStack
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from tests.integration.test_workers import enter, pid_of, receive, shared
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.publisher import publish

__all__ = ["publish"]

LISTENING = '\nstatus: {endpoint: "tcp:0:interface=127.0.0.1"}\n'


class Desk:
    """Where an operator asks a gateway."""

    def __init__(self, gateway):
        self.url = f"http://127.0.0.1:{gateway.wait_for(r'status and metrics at 127.0.0.1:([0-9]+)')[1]}"

    def get(self, path):
        try:
            with urlopen(self.url + path, timeout=DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def json(self, path):
        return json.loads(self.get(path)[1])

    def kick(self, **wanted):
        asked = Request(f"{self.url}/kick", json.dumps(wanted).encode(), {"Content-Type": "application/json"})
        with urlopen(asked, timeout=DEADLINE) as answer:
            return json.load(answer)["kicked"]

    def metric(self, name, **labels):
        _, text = self.get("/metrics")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def closed(client):
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.recv(DEADLINE)
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_gateway_says_how_it_is_who_is_there_and_ends_sessions(tmp_path):
    text = standalone(tmp_path) + LISTENING
    with GatewayProcess(tmp_path, text) as gateway, ExitStack() as stack:
        gateway.ready()
        desk = Desk(gateway)
        assert desk.get("/ready")[0] == 200
        one, other = enter(stack, gateway, 2)
        gateway.publish("call_created")
        assert [receive(client)["op"] for client in (one, other)] == ["event", "event"]
        assert desk.metric("wsevents_events_delivered_total") == 2
        assert desk.metric("wsevents_delivery_latency_seconds_count") == 2
        first, second = desk.json("/sessions")["sessions"]
        assert (first["user"], first["subscriptions"], first["delivered"]) == ("u1", ["*"], 1)
        assert desk.kick(id=second["id"]) == 1
        assert closed(other) == (1008, "ended by an administrator")
        assert desk.kick(user="u1", dialect="wazo") == 1
        assert closed(one)[0] == 1008
        assert [one["code"] for one in desk.json("/sessions")["closed"]] == [1008, 1008]
        assert "an operator ended 1 sessions, chosen by user=u1, dialect=wazo" in gateway.log
    assert "Traceback" not in gateway.log


def test_a_port_that_is_taken_is_named_with_its_key(tmp_path):
    (first, second) = (tmp_path / "1", tmp_path / "2")
    first.mkdir()
    second.mkdir()
    text = standalone(first) + LISTENING
    with GatewayProcess(first, text) as gateway:
        port = Desk(gateway.ready()).url.rpartition(":")[2]
        taken = text.replace("tcp:0:", f"tcp:{port}:", 1)
        with GatewayProcess(second, taken) as other:
            assert other.ended() == 1
    assert f"wsevents: status.endpoint: cannot listen on tcp:{port}:interface=127.0.0.1: " in other.log
    assert "Traceback" not in other.log


def test_workers_are_one_gateway_to_who_asks(tmp_path, rabbitmq, publish):
    text = shared(tmp_path, rabbitmq) + LISTENING
    with ExitStack() as stack:
        gateway = stack.enter_context(GatewayProcess(tmp_path, text))
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        desk = Desk(gateway)
        pids = [pid_of(gateway, worker) for worker in (1, 2)]
        clients = enter(stack, gateway, 6)
        publish("call_created")
        for client in clients:
            receive(client)
        whole = desk.json("/ready")
        assert (whole["healthy"], whole["ready"], whole["peers"], whole["reasons"]) == (True, True, 6, [])
        assert [(one["number"], one["pid"], one["peers"]) for one in whole["workers"]] == [
            (1, pids[0], 3),
            (2, pids[1], 3),
        ]
        assert desk.metric("wsevents_peers") == 6
        assert desk.metric("wsevents_events_consumed_total") == 2, "each worker takes each event"
        assert desk.metric("wsevents_events_delivered_total") == 6
        sessions = desk.json("/sessions")["sessions"]
        assert {one["id"].partition("-")[0] for one in sessions} == {str(pid) for pid in pids}
        assert desk.kick(id=sessions[0]["id"]) == 1
        # What one worker has counted is not forgotten with it.
        since = len(gateway.log)
        os.kill(pids[0], signal.SIGKILL)
        gateway.wait_for(r"worker 1 \(pid \d+\) was killed by SIGKILL")
        assert desk.metric("wsevents_events_delivered_total") == 6
        gateway.wait_for("worker 1: the bus is up", since)
        assert desk.metric("wsevents_events_delivered_total") == 6
        assert desk.metric("wsevents_workers") == 2
        assert desk.kick(user="u1") >= 2
    assert "Traceback" not in gateway.log


def test_a_worker_that_hangs_is_seen(tmp_path, rabbitmq):
    text = shared(tmp_path, rabbitmq) + LISTENING
    with GatewayProcess(tmp_path, text) as gateway:
        for worker in (1, 2):
            gateway.wait_for(f"worker {worker}: the bus is up")
        desk, pid = Desk(gateway), pid_of(gateway, 1)
        os.kill(pid, signal.SIGSTOP)
        try:
            status, said = desk.get("/health")
            assert status == 503
            assert json.loads(said)["reasons"] == ["worker 1: not responding"]
            assert json.loads(said)["ready"], "the other one serves"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert desk.get("/health")[0] == 200
