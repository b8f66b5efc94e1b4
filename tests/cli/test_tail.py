"""`wsevents tail` against a real gateway, over TLS."""

import json
import re
import signal
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.certificates import certificate
from tests.support.gateway_process import GatewayProcess, gateway, standalone
from tests.support.shell import begin, wsevents
from wsevents.cli.tail import _address

__all__ = ["gateway"]


def url(gateway, path="/"):
    return f"wss://localhost:{gateway.port}{path}"


def trust(gateway):
    return "--ca", gateway.folder / "server.crt"


class Tail:
    """A running `tail`, which the exit of the context ends."""

    def __init__(self, *words, **variables):
        self.process = begin("tail", *words, **variables)
        self.notes = self.process.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()

    def connected(self):
        line = self.notes.readline()
        assert line.startswith("connected to "), line + self.notes.read()
        return self

    def line(self):
        return self.process.stdout.readline()

    def status(self):
        return self.process.wait(60)


def test_an_event_is_a_line_with_its_name_and_json(gateway):
    with Tail(url(gateway), "--token", "s3cret-user", *trust(gateway)) as tail:
        tail.connected()
        body = gateway.publish("call_created", data={"who": "é\u009b\n"})
        moment, name, text = tail.line().rstrip("\n").split("  ")
        assert re.fullmatch(r"\d\d:\d\d:\d\d", moment)
        assert name == "call_created"
        assert json.loads(text) == json.loads(body)
        assert '"é\\u009b\\n"' in text


def test_the_name_of_an_event_cannot_control_the_terminal(gateway):
    with Tail(url(gateway), *trust(gateway), WSEVENTS_TOKEN="s3cret-user") as tail:
        tail.connected()
        gateway.publish("a\x1b[2Jb\u009b", required_acl=None)
        assert tail.line().split("  ")[1] == "a\\u001b[2Jb\\u009b"


def test_with_json_and_count_the_events_are_printed_as_published(gateway):
    with Tail(url(gateway), "--token", "s3cret-user", *trust(gateway), "--json", "--count", 2) as tail:
        tail.connected()
        bodies = [gateway.publish(name) for name in ("one", "two", "three")]
        assert [tail.line(), tail.line()] == [f"{json.dumps(json.loads(body))}\n" for body in bodies[:2]]
        assert tail.status() == 0
        assert tail.line() == ""


def test_only_events_with_the_given_names_are_printed(gateway):
    words = ("--event", "two", "--event", "three", "--count", 2, "--json")
    with Tail(url(gateway), "--token", "s3cret-user", *trust(gateway), *words) as tail:
        tail.connected()
        for name in ("one", "two", "three"):
            gateway.publish(name)
        assert [json.loads(tail.line())["name"] for _ in range(2)] == ["two", "three"]
        assert tail.status() == 0


def test_after_the_seconds_it_succeeds_if_it_was_connected(gateway):
    done = wsevents("tail", url(gateway), "--token", "s3cret-user", *trust(gateway), "--seconds", 5)
    assert (done.status, done.out) == (0, "")


def test_too_few_events_within_the_seconds_are_a_failure(gateway):
    words = ("--seconds", 3, "--count", 1)
    assert wsevents("tail", url(gateway), "--token", "s3cret-user", *trust(gateway), *words).status == 1


REFUSED = (
    "closed with 4002 authentication failed: The token is invalid, has expired, or lacks the right to "
    "connect, or the gateway could not check it. What to do: get a new token, then connect again."
)


@pytest.mark.parametrize("token", ["wrong", "s3cret-none"])
def test_a_rejected_token_is_one_line_and_is_retried(gateway, token):
    with Tail(url(gateway), "--token", token, *trust(gateway)) as tail:
        for seconds in ("1", "[12]"):
            assert re.fullmatch(
                re.escape(REFUSED) + rf" \(reconnecting in {seconds} s\)\n", tail.notes.readline()
            )


def test_with_once_a_rejected_token_ends_it(gateway):
    done = wsevents("tail", url(gateway), "--token", "wrong", *trust(gateway), "--once")
    assert (done.status, done.err) == (1, f"{REFUSED}\n")


def test_a_rejected_token_is_retried_until_its_file_has_a_valid_one(gateway, tmp_path):
    file = tmp_path / "token"
    file.write_text("wrong\n")
    with Tail(url(gateway), "--token-file", file, *trust(gateway), "--count", 1) as tail:
        assert tail.notes.readline().startswith(REFUSED)
        file.write_text("s3cret-user\n")
        while (line := tail.notes.readline()).startswith(REFUSED):
            pass
        assert line.startswith("connected to ")
        gateway.publish("one")
        assert tail.status() == 0


def test_a_token_in_the_url_is_used_and_removed_from_the_url(gateway):
    with Tail(url(gateway, "/?version=1&token=s3cret-user"), *trust(gateway), "--count", 1) as tail:
        tail.connected()
        gateway.publish("one")
        assert tail.status() == 0
    assert "s3cret-user" not in gateway.log


def test_a_token_comes_from_standard_input(gateway):
    words = (*trust(gateway), "--token", "-", "--seconds", 5)
    done = wsevents("tail", url(gateway), *words, stdin="s3cret-user\n")
    assert (done.status, "connected" in done.err) == (0, True)


def test_an_expired_token_without_a_new_one_is_retried(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path, seconds=3)) as gateway:
        gateway.ready()
        with Tail(url(gateway), "--token", "s3cret-brief", *trust(gateway)) as tail:
            lines = []
            while not (line := tail.notes.readline()).startswith(REFUSED):
                assert line.startswith(("connected to ", "closed with 4003 authentication expired"))
                lines.append(line)
    assert re.search(r"closed with 4003 .* \(reconnecting in 1 s\)\n$", lines[-1])


def test_after_the_expiry_the_token_file_is_read_again(tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret-brief\n")
    with GatewayProcess(tmp_path, standalone(tmp_path, seconds=6)) as gateway:
        gateway.ready()
        with Tail(url(gateway), "--token-file", file, *trust(gateway), "--count", 1) as tail:
            tail.connected()
            file.write_text("s3cret-user\n")
            line = tail.notes.readline()
            assert "4003 authentication expired" in line
            assert line.endswith(" (reconnecting at once with another token)\n")
            tail.connected()
            gateway.publish("one")
            assert tail.status() == 0


def test_it_reconnects_after_a_restart_of_the_gateway(tmp_path):
    text = standalone(tmp_path)
    with GatewayProcess(tmp_path, text) as first:
        first.ready()
        port = first.port
        tail = Tail(url(first), "--token", "s3cret-user", *trust(first), "--count", 1, "--json")
        tail.connected()
    with tail:
        assert "closed with 1001: The gateway is stopping or restarting." in tail.notes.readline()
        with GatewayProcess(tmp_path, text.replace("ssl:0:", f"ssl:{port}:")) as second:
            second.ready()
            while not (line := tail.notes.readline()).startswith("connected"):
                assert line
            second.publish("one")
            assert json.loads(tail.line())["name"] == "one"
            assert tail.status() == 0


def test_with_once_it_does_not_reconnect(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        gateway.ready()
        tail = Tail(url(gateway), "--token", "s3cret-user", *trust(gateway), "--once")
        tail.connected()
    with tail:
        assert "1001" in tail.notes.readline()
        assert tail.status() == 1


# -- TLS and connecting


def test_an_untrusted_certificate_ends_it(gateway):
    done = wsevents("tail", url(gateway), "--token", "s3cret-user")
    assert done.status == 1
    assert "is not accepted: it is self-signed and not trusted; name the CA certificate" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_certificate_of_another_ca_ends_it(gateway, tmp_path):
    (tmp_path / "other.pem").write_bytes(certificate("localhost").public)
    done = wsevents("tail", url(gateway), "--token", "s3cret-user", "--ca", tmp_path / "other.pem")
    assert (done.status, "it is self-signed and not trusted" in done.err) == (1, True)


def test_with_insecure_any_certificate_is_accepted(gateway):
    done = wsevents("tail", url(gateway), "--token", "s3cret-user", "--insecure", "--seconds", 5)
    assert (done.status, "connected" in done.err) == (0, True)


def test_a_certificate_for_another_name_ends_it(tmp_path):
    pair = certificate("pbx.example.org")
    text = standalone(tmp_path)
    (tmp_path / "server.key").write_bytes(pair.key)
    (tmp_path / "server.crt").write_bytes(pair.public)
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        done = wsevents("tail", url(gateway), "--token", "s3cret-user", *trust(gateway))
    assert done.status == 1
    assert "it is for pbx.example.org and not for localhost; connect with a name that it contains" in done.err


def test_a_missing_file_of_ca_certificates_is_reported(tmp_path):
    done = wsevents("tail", "wss://localhost:1/", "--token", "x", "--ca", tmp_path / "none.pem")
    assert (done.status, done.err) == (1, f"cannot read {tmp_path / 'none.pem'}: No such file or directory\n")


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_refused_connection_is_reported_and_retried(closed_port):
    done = wsevents("tail", f"ws://127.0.0.1:{closed_port}/", "--token", "x", "--seconds", 4)
    assert done.status == 1
    first, *_ = done.err.splitlines()
    assert re.fullmatch(
        rf"127\.0\.0\.1:{closed_port} refused the connection; start the gateway, or correct the port "
        r"\(reconnecting in \d s\)",
        first,
    )


def test_an_ipv6_address_is_accepted(closed_port):
    done = wsevents("tail", f"wss://[::1]:{closed_port}/", "--token", "x", "--once")
    assert (done.status, f"[::1]:{closed_port}" in done.err) == (1, True)


def test_an_unknown_host_is_reported():
    done = wsevents("tail", "wss://nobody.invalid/", "--token", "x", "--once")
    assert done.status == 1
    assert done.err == "cannot resolve the host name nobody.invalid; correct the name, or check the DNS\n"


@pytest.fixture
def answering():
    """A function that starts a server, which answers each client with these bytes, and returns its port."""
    servers = []

    def serve(answer):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def work():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        threading.Thread(target=work, daemon=True).start()
        return server.getsockname()[1]

    yield serve
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("401 Unauthorized", "correct the path"),
        ("404 Not Found", "nothing is served at this path"),
        ("302 Found", "does not follow redirects"),
        ("426 Upgrade Required", "a proxy removes the WebSocket headers"),
        ("200 OK", "correct the address"),
    ],
)
def test_a_permanent_http_status_ends_it(answering, status, remedy):
    port = answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    done = wsevents("tail", f"ws://127.0.0.1:{port}/", "--token", "x")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert f"answered with HTTP {status}: " in line
    assert remedy in line


def test_a_temporary_http_status_is_retried(answering):
    port = answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    done = wsevents("tail", f"ws://127.0.0.1:{port}/", "--token", "x", "--seconds", 3)
    assert done.status == 1
    assert "HTTP 503 Service Unavailable" in done.err
    assert "(reconnecting in " in done.err


@pytest.mark.parametrize("answer", [b"220 smtp\r\n\r\n", b"\xff\xfe\r\n\r\n", b"HTTP/1.1 101 Ok\r\n\r\n"])
def test_a_server_without_websockets_ends_it(answering, answer):
    done = wsevents("tail", f"ws://127.0.0.1:{answering(answer)}/", "--token", "x")
    assert (done.status, "is not a WebSocket server; correct the address" in done.err) == (1, True)


def test_tls_on_a_plain_port_is_reported(answering):
    port = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    done = wsevents("tail", f"wss://127.0.0.1:{port}/", "--token", "x", "--insecure")
    assert (done.status, "does not use TLS; use ws://" in done.err) == (1, True)


def test_plain_text_on_a_tls_port_is_reported(gateway):
    done = wsevents("tail", f"ws://localhost:{gateway.port}/", "--token", "x", "--once")
    assert (done.status, "use wss:// if the port has TLS" in done.err) == (1, True)


# -- the end


def test_ctrl_c_ends_it_without_output(gateway):
    with Tail(url(gateway), "--token", "s3cret-user", *trust(gateway)) as tail:
        tail.connected()
        tail.process.send_signal(signal.SIGINT)
        assert tail.status() == 130
        assert tail.notes.read().strip() == ""


def test_it_ends_when_the_reader_closes_the_pipe(gateway):
    with Tail(url(gateway), "--token", "s3cret-user", *trust(gateway)) as tail:
        tail.connected()
        gateway.publish("one")
        assert tail.line()
        tail.process.stdout.close()
        deadline = time.monotonic() + 60
        while tail.process.poll() is None and time.monotonic() < deadline:
            gateway.publish("more")
        assert tail.process.returncode == 141
        assert tail.notes.read() == ""


@pytest.mark.parametrize(
    "words", [("http://localhost/",), ("wss:///",), ("wss://localhost:99999/",), ("nonsense",)]
)
def test_an_invalid_url_is_a_usage_error(words):
    done = wsevents("tail", *words, "--token", "x")
    assert (done.status, "write it like wss://pbx.example.org:9502/" in done.err) == (2, True)


@given(st.text() | st.text("ws:/[]@?#=&token.0a%").map(lambda rest: f"wss://{rest}"))
def test_any_text_is_a_url_or_a_usage_error(text):
    try:
        address, _ = _address(text)
    except click.BadParameter:
        return
    assert address.startswith(("ws://", "wss://"))
    assert "token" not in parse_qs(urlsplit(address).query)


def test_a_missing_token_is_a_usage_error_that_names_the_sources():
    done = wsevents("tail", "wss://localhost/")
    assert (done.status, "WSEVENTS_TOKEN" in done.err) == (2, True)


def test_an_unreadable_token_file_is_reported(tmp_path):
    done = wsevents("tail", "wss://localhost/", "--token-file", tmp_path / "none")
    assert (done.status, done.err) == (1, f"{tmp_path / 'none'}: cannot be read: No such file or directory\n")


def test_a_token_is_never_printed(gateway):
    done = wsevents("tail", url(gateway), "--token", "s3cret-wrong", *trust(gateway), "--once")
    assert "s3cret-wrong" not in done.err + done.out
    assert "s3cret-wrong" not in gateway.log
