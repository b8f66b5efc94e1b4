"""`wsevents sessions` and `kick` with a real gateway and its own status listener."""

import json

from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.shell import wsevents

START = ('{"op": "subscribe", "data": {"event_name": "call_created"}}', '{"op": "start"}')


def test_a_session_is_listed_and_can_be_disconnected(tmp_path):
    text = standalone(tmp_path) + f"status: {{endpoint: 'unix:{tmp_path}/status'}}\n"
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        options = ("--config", tmp_path / "config.yml")
        with gateway.connect("/?token=s3cret-user&version=2") as client:
            for command in START:
                client.send(command)
            for _ in ("init", "subscribe", "start"):
                assert json.loads(client.recv(DEADLINE))["code"] == 0
            (one,) = wsevents("sessions", *options, "--json").json["sessions"]
            assert (one["user"], one["tenant"], one["dialect"]) == ("u1", "t1", "wazo")
            assert wsevents("sessions", *options, "--user", "u2", "--json").json["sessions"] == []
            _, row = wsevents("sessions", *options).lines
            assert row.split()[:5] == [one["id"], "wazo", "u1", "t1", "127.0.0.1"]
            assert "call_created" in row
            assert wsevents("kick", "--user", "u2", *options).status == 1
            done = wsevents("kick", one["id"], *options)
            assert (done.status, done.out) == (0, "disconnected: 1\n")
        gateway.wait_for("session closed: wazo")
        assert len(wsevents("sessions", *options).lines) == 1
        _, closed = wsevents("sessions", *options, "--closed", COLUMNS="200").lines
        assert closed.split()[0] == one["id"]
        done = wsevents("kick", "9-99", *options)
        assert (done.status, len(done.err.splitlines())) == (1, 1)
    done = wsevents("sessions", *options)
    assert (done.status, "does not answer" in done.err) == (1, True)
