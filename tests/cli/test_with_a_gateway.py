"""`wsevents sessions` and `kick` with a real gateway and its own status listener."""

import json

from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.shell import wsevents

START = ('{"op": "subscribe", "data": {"event_name": "call_created"}}', '{"op": "start"}')


def test_who_is_connected_is_shown_and_can_be_disconnected(tmp_path):
    text = standalone(tmp_path) + f"status: {{endpoint: 'unix:{tmp_path}/status'}}\n"
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        here = ("--config", tmp_path / "config.yml")
        with gateway.connect("/?token=s3cret-user&version=2") as client:
            for command in START:
                client.send(command)
            for _ in ("init", "subscribe", "start"):
                assert json.loads(client.recv(DEADLINE))["code"] == 0
            (one,) = wsevents("sessions", *here, "--json").json["sessions"]
            assert (one["user"], one["tenant"], one["dialect"]) == ("u1", "t1", "wazo")
            assert wsevents("sessions", *here, "--user", "u2", "--json").json["sessions"] == []
            _, row = wsevents("sessions", *here).lines
            assert row.split()[:5] == [one["id"], "wazo", "u1", "t1", "127.0.0.1"]
            assert "call_created" in row
            assert wsevents("kick", "--user", "u2", *here).status == 1
            done = wsevents("kick", one["id"], *here)
            assert (done.status, done.out) == (0, "disconnected: 1\n")
        gateway.wait_for("session over: wazo")
        assert len(wsevents("sessions", *here).lines) == 1
        _, over = wsevents("sessions", *here, "--closed", COLUMNS="200").lines
        assert over.split()[0] == one["id"]
        done = wsevents("kick", "9-99", *here)
        assert (done.status, len(done.err.splitlines())) == (1, 1)
    done = wsevents("sessions", *here)
    assert (done.status, "does not answer" in done.err) == (1, True)
