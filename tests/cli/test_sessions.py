"""`wsevents sessions` queries a status listener over real HTTP."""

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred

from tests.support.shell import meanwhile, wsevents
from tests.support.status_listener import TENANT, UUID, closed, listen, listener, session
from wsevents.cli.sessions import span

__all__ = ["listener"]


@ensureDeferred
async def test_each_session_is_a_row_of_a_table(listener):
    listener.resource.sessions = [
        session("1-1"),
        session("12-345", dialect="innovaphone", user=None, tenant=None, queue=70000, behind=True),
        session("1-2", address="2001:db8:1111:2222:3333:4444:5555:6666", subscriptions=[]),
    ]
    done = await meanwhile("sessions", "--url", listener.url)
    assert done.status == 0
    head, first, second, third = done.lines
    peer = ["ID", "DIALECT", "USER", "TENANT", "ADDRESS"]
    assert head.split() == [*peer, "AGE", "EVENTS", "QUEUED", "SUBSCRIBED"]
    assert first.split()[:2] == ["1-1", "wazo"]
    assert first.split()[2].startswith(UUID[:8])
    assert "192.0.2.7" in first
    assert " 1284 " in first
    assert re.search(r" - +- .* 70000! ", second)
    assert "2001:db8:1111" in third
    assert all(len(line) <= 100 for line in done.lines)


@pytest.mark.parametrize("columns", ["80", "100", "120", "200"])
@ensureDeferred
async def test_the_table_fits_the_terminal(listener, columns):
    listener.resource.sessions = [
        session("1-234567", dialect="innovaphone", subscriptions=["a_long_name_of_an_event"] * 50),
        session("1-2", delivered=123456789, queue=1048576, behind=True),
    ]
    done = await meanwhile("sessions", "--url", listener.url, COLUMNS=columns)
    assert max(map(len, done.lines)) <= int(columns)
    if columns == "200":
        assert f"{UUID}  {TENANT}" in done.out


@ensureDeferred
async def test_filters_are_sent_to_the_gateway(listener):
    listener.resource.sessions = [session("1-1"), session("1-2", user="u2")]
    words = ("--user", "u2", "--tenant", TENANT, "--dialect", "wazo")
    done = await meanwhile("sessions", "--url", listener.url, *words)
    assert [line.split()[0] for line in done.lines] == ["ID", "1-2"]
    asked = {"user": "u2", "tenant": TENANT, "dialect": "wazo"}
    assert listener.resource.requests == [("GET", "/sessions", asked, None)]


@ensureDeferred
async def test_json_is_the_answer_of_the_gateway(listener):
    listener.resource.sessions, listener.resource.closed = [session()], [closed()]
    assert (await meanwhile("sessions", "--url", listener.url, "--json")).json == {"sessions": [session()]}
    done = await meanwhile("sessions", "--url", listener.url, "--json", "--closed")
    assert done.json == {"closed": [closed()]}


@ensureDeferred
async def test_closed_sessions_are_shown_with_code_and_reason(listener):
    listener.resource.closed = [
        closed("1-1"),
        closed("1-2", code=None, meaning="The connection broke.", why=""),
    ]
    done = await meanwhile("sessions", "--url", listener.url, "--closed", COLUMNS="180")
    head, first, second = done.lines
    assert head.split() == ["ID", "DIALECT", "USER", "TENANT", "ADDRESS", "AGO", "LASTED", "CODE", "REASON"]
    assert first.endswith(" 9m59s  4003  The token has expired or was revoked. revoked")
    assert second.endswith(" -  The connection broke.")


@ensureDeferred
async def test_data_of_peers_cannot_control_the_terminal(listener):
    listener.resource.sessions = [session(subscriptions=["\x1b[2J\u009b"], dialect="wa\nzo")]
    done = await meanwhile("sessions", "--url", listener.url, COLUMNS="180")
    assert len(done.lines) == 2
    assert "\\u001b[2J\\u009b" in done.out
    assert "wa\\nzo" in done.out


@ensureDeferred
async def test_no_session_is_a_success(listener):
    done = await meanwhile("sessions", "--url", listener.url)
    assert (done.status, len(done.lines)) == (0, 1)


@ensureDeferred
async def test_the_status_listener_may_have_a_unix_socket(tmp_path):
    path = tmp_path / "status"
    listening = await listen(f"unix:{path}")
    listening.resource.sessions = [session()]
    done = await meanwhile("sessions", "--url", f"unix:{path}", "--json")
    await listening.port.stopListening()
    assert done.json == {"sessions": [session()]}


@ensureDeferred
async def test_the_address_comes_from_the_configuration(listener, tmp_path):
    port = listener.port.getHost().port
    (tmp_path / "conf.d").mkdir()
    file = tmp_path / "config.yml"
    file.write_text("status: {endpoint: 'tcp:1'}")
    (tmp_path / "conf.d" / "status.yml").write_text(f"status: {{endpoint: 'tcp:{port}:interface=127.0.0.1'}}")
    done = await meanwhile("sessions", "--config", file)
    assert done.status == 0
    assert len(listener.resource.requests) == 1


def test_a_given_configuration_must_be_readable(tmp_path):
    done = wsevents("sessions", "--config", tmp_path / "none.yml")
    assert (done.status, done.err) == (1, f"{tmp_path}/none.yml: cannot be read: No such file or directory\n")


def test_a_disabled_status_listener_is_reported(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text("status: {endpoint: null}")
    done = wsevents("sessions", "--config", file)
    assert (done.status, done.err) == (
        1,
        f"{file}: status.endpoint: the status listener is disabled; set an endpoint\n",
    )


def test_a_gateway_that_does_not_run_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = wsevents("sessions", "--url", url)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith(f"{url} does not answer: Connection refused; start the gateway")


@pytest.mark.parametrize("url", ["127.0.0.1:9503", "ftp://localhost", "http://localhost:x", "unix"])
def test_an_invalid_url_is_one_line(url):
    done = wsevents("sessions", "--url", url)
    assert (done.status, done.err.splitlines()) == (
        1,
        [f"{url}: not a valid URL; write it like http://127.0.0.1:9503 or unix:/run/wsevents/status"],
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((503, {"error": "the gateway is stopping"}), "the gateway is stopping"),
        ((200, b"<html>"), "answered with HTTP 200 and is not a gateway"),
        ((200, ["list"]), "answered with HTTP 200 and is not a gateway"),
    ],
)
@ensureDeferred
async def test_an_error_or_an_invalid_answer_is_one_line(listener, answer, message):
    listener.resource.answer = answer
    done = await meanwhile("sessions", "--url", listener.url)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (61, "1m01s"),
        (3599, "59m59s"),
        (7500, "2h05m"),
        (90000, "1d01h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert span(seconds) == text


@given(st.floats(0, 8e7))
def test_every_duration_is_short(seconds):
    assert len(span(seconds)) <= 7
