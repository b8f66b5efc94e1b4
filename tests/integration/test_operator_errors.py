"""Errors an operator meets: each is one line that is documented with its remedy, and the right status.

All of them are had from a real process, as an operator would have them.
"""

import os
import re
import resource
import shlex
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE, TWISTD, GatewayProcess, standalone
from tests.support.ports import reserved_port
from tests.support.websocket_client import Client, trusting

PAGE = Path(__file__).parents[2] / "docs" / "operating" / "log-messages.md"
ROW = re.compile(r"\| `(.+)` \| ([\w ]+) \| .+ \|")
PLACEHOLDER = re.compile(r"\b(?:FILE|KEY|WHY|PLACE|N|DAY|URL|HOW|HOST)\b")
LATER = "later"  # the process goes on

# Root may do everything; an operator's service may not.
HUMBLE = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search,-net_bind_service",
    "--inh-caps=-all",
    "--ambient-caps=-all",
)
AS_A_SERVICE = HUMBLE if os.geteuid() == 0 else ()


def rows():
    """Return what the documentation has: the line, to the status."""
    section = PAGE.read_text().split("\n## Errors at start\n")[1].split("\n## ")[0]
    return {line.replace(r"\|", "|"): status for line, status in ROW.findall(section)}


ROWS = rows()


def pattern(row):
    """Return what finds a line of this row."""
    words = PLACEHOLDER.split(row)
    return re.compile(".+".join(map(re.escape, words)))


def documented(line):
    """Return the row that a line is of: of several the one that says most."""
    found = [row for row in ROWS if pattern(row).search(line)]
    assert found, f"this is not in {PAGE.name}: {line}"
    return max(found, key=len)


def check(log, words, status):
    """Check that what an operator reads is one documented line with these words."""
    assert "Traceback" not in log
    (line,) = [line for line in log.splitlines() if words in line]
    assert ROWS[documented(line)] == str(status)
    return line


def fails(folder, text, words, status, **options):
    """Check that a start fails in the right way; return its log."""
    process = GatewayProcess(folder, text, **options)
    assert process.ended() == status
    line = check(process.log, words, status)
    wrong = [one for one in process.log.splitlines() if "wsevents: " in one and one != line]
    assert not wrong
    return process.log


@contextmanager
def goes_on(folder, text, words, **options):
    """Check that the error is told once, and that the gateway lives and ends in order."""
    with GatewayProcess(folder, text, **options) as gateway:
        gateway.wait_for(re.escape(words))
        yield gateway
        assert gateway.stop() == 0
    first, *more = [line for line in gateway.log.splitlines() if words in line]
    assert ROWS[documented(first)] == LATER
    assert all("more like it in" in line for line in more)
    assert "Traceback" not in gateway.log


def test_the_page_has_a_row_for_each():
    assert len(ROWS) > 20
    assert [row for row in ROWS if documented(PLACEHOLDER.sub("x", row)) != row] == []


# -- the start ------------------------------------------------------------------------------------


def test_a_configuration_that_is_not_there(tmp_path):
    twistd = ("sh", "-c", 'exec "$0" "$@" --config /nowhere/config.yml', TWISTD)
    fails(tmp_path, None, "/nowhere/config.yml: cannot be read: No such file", 78, twistd=twistd)


def test_a_configuration_that_is_a_folder(tmp_path):
    twistd = ("sh", "-c", f'exec "$0" "$@" --config {shlex.quote(str(tmp_path))}', TWISTD)
    fails(tmp_path, None, f"{tmp_path}: cannot be read: Is a directory", 78, twistd=twistd)


def test_a_configuration_that_may_not_be_read(tmp_path):
    twistd = ("sh", "-c", 'chmod 0 config.yml; exec "$0" "$@"', *AS_A_SERVICE, TWISTD)
    fails(tmp_path, standalone(tmp_path), "config.yml: cannot be read: Permission denied", 78, twistd=twistd)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("type: memory", "type: nosuch", "config.yml: bus.type: there is no bus 'nosuch'; there are: amqp"),
        ("type: static", "type: nosuch", "config.yml: auth.type: there is no authenticator 'nosuch'"),
        ("bus:", "dialects: {nosuch: {}}\nbus:", "config.yml: dialects.nosuch: there is no dialect"),
        (
            "bus:",
            "log: {level: loud}\nbus:",
            "config.yml: log.level: must be one of debug, info, warn, error",
        ),
        ("bus:", "log: {format: xml}\nbus:", "config.yml: log.format: must be one of text, json"),
        ("bus: {", "bus: {exchange_typ: topic, ", "config.yml: bus.exchange_typ: is not a known key"),
    ],
)
def test_a_mistake_in_the_configuration(tmp_path, old, new, words):
    fails(tmp_path, standalone(tmp_path).replace(old, new), words, 78)


def test_a_certificate_that_is_not_there(tmp_path):
    text = standalone(tmp_path)
    (tmp_path / "server.crt").unlink()
    fails(tmp_path, text, f"listen[0]: cannot read {tmp_path}/server.crt: No such file or directory", 78)


def test_a_key_that_may_not_be_read(tmp_path):
    text = standalone(tmp_path)
    (tmp_path / "server.key").chmod(0)
    words = f"listen[0]: cannot read {tmp_path}/server.key: Permission denied"
    fails(tmp_path, text, words, 78, twistd=(*AS_A_SERVICE, TWISTD))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("server.crt", "must be a certificate in PEM format"),
        ("server.key", "must be a private key in PEM format, not encrypted"),
    ],
)
def test_a_file_that_is_not_pem(tmp_path, name, words):
    text = standalone(tmp_path)
    (tmp_path / name).write_text("hello")
    fails(tmp_path, text, f"listen[0]: {tmp_path / name} {words}", 78)


def test_a_key_of_another_certificate(tmp_path):
    text = standalone(tmp_path)
    public = (tmp_path / "server.crt").read_bytes()
    write_pair(tmp_path)
    (tmp_path / "server.crt").write_bytes(public)
    fails(tmp_path, text, "server.key does not belong to the certificate", 78)


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = standalone(tmp_path).replace("ssl:0", f"ssl:{port}")
        fails(
            tmp_path, text, f"listen[0]: cannot listen on ssl:{port}:interface=127.0.0.1: Address already", 1
        )


def test_a_status_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        text = standalone(tmp_path) + f"status: {{endpoint: '{place}'}}\n"
        fails(tmp_path, text, f"status.endpoint: cannot listen on {place}: Address already in use", 1)


def test_a_port_that_only_root_may_have(tmp_path):
    words = "listen[0]: cannot listen on ssl:900:interface=127.0.0.1: Permission denied"
    text = standalone(tmp_path).replace("ssl:0", "ssl:900")
    fails(tmp_path, text, words, 1, twistd=(*AS_A_SERVICE, TWISTD))


def test_an_interface_that_is_no_address(tmp_path):
    text = standalone(tmp_path).replace("interface=127.0.0.1", "interface=no such name")
    fails(
        tmp_path, text, "interface=no such name: Name or service not known; set interface= to an address", 1
    )


def test_an_address_of_another_machine(tmp_path):
    text = standalone(tmp_path).replace("interface=127.0.0.1", "interface=192.0.2.1")
    fails(tmp_path, text, "interface=192.0.2.1: Cannot assign requested address", 1)


def test_a_log_file_that_cannot_be_written(tmp_path):
    twistd = (TWISTD, "--logfile", "/nowhere/log")
    fails(
        tmp_path,
        standalone(tmp_path),
        "--logfile /nowhere/log cannot be written to: No such",
        1,
        twistd=twistd,
    )


def test_a_disk_that_is_full_for_the_embedded_default(tmp_path):
    """A file may have no size here; it is the same to the program."""
    twistd = ("sh", "-c", 'ulimit -f 0; exec "$0" "$@"', TWISTD)
    words = f"{tmp_path}/state: cannot store the certificate of the embedded default: File too large"
    fails(tmp_path, None, words, 1, twistd=twistd)


def test_too_few_open_files_to_begin(tmp_path):
    twistd = ("sh", "-c", 'ulimit -n 20; exec "$0" "$@"', TWISTD)
    fails(
        tmp_path,
        standalone(tmp_path),
        "the limit of open files is 20, but must be at least 64",
        1,
        twistd=twistd,
    )


def test_in_the_journal_an_error_of_the_start_has_its_priority(tmp_path):
    """Before there is a log, too."""
    run = (
        "import os, sys; there = os.fstat(2); "
        "os.environ['JOURNAL_STREAM'] = f'{there.st_dev}:{there.st_ino}'; os.execv(sys.argv[1], sys.argv[1:])"
    )
    text = standalone(tmp_path).replace("type: memory", "type: nosuch")
    log = fails(tmp_path, text, "there is no bus", 78, twistd=(sys.executable, "-c", run, TWISTD))
    assert log.startswith("<3>wsevents: ")


# -- certificates that end ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((-9, -1), "server.crt has expired on "),
        ((-9, 5), "server.crt expires on "),
        ((1, 9), "server.crt is not valid before "),
    ],
)
def test_a_certificate_that_is_not_valid_is_told_and_serves(tmp_path, days, words):
    text = standalone(tmp_path)
    write_pair(tmp_path, days=days)
    with goes_on(tmp_path, text, words) as gateway:
        gateway.ready()
        gateway.dial().close()


def test_a_certificate_that_is_good_is_not_spoken_of(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        gateway.ready()
    assert "the certificate" not in gateway.log


# -- RabbitMQ -------------------------------------------------------------------------------------


def on(folder, endpoint, **settings):
    """Return a configuration with a bus of its own."""
    more = "".join(f", {name}: {value}" for name, value in settings.items())
    return standalone(folder).replace("{type: memory}", f"{{endpoint: '{endpoint}'{more}}}")


def test_a_rabbitmq_that_is_not_there(tmp_path):
    port = reserved_port()
    words = f"the bus is down: tcp:127.0.0.1:{port}: connection refused (start the broker"
    with goes_on(tmp_path, on(tmp_path, f"tcp:127.0.0.1:{port}"), words):
        pass


def test_a_host_that_has_no_address(tmp_path):
    with goes_on(tmp_path, on(tmp_path, "tcp:nowhere.invalid:5672"), "unknown host (correct bus.en"):
        pass


def test_a_wrong_password(tmp_path, rabbitmq):
    text = on(tmp_path, rabbitmq.endpoint, username="guest", password="s3cret-wrong")
    with goes_on(tmp_path, text, "(correct bus.username and bus.password)") as gateway:
        pass
    assert "s3cret" not in gateway.log


def test_a_vhost_that_is_missing(tmp_path, rabbitmq):
    with goes_on(tmp_path, on(tmp_path, rabbitmq.endpoint, vhost="nosuch"), "(correct bus.vhost, or"):
        pass


def test_a_user_who_may_do_nothing(tmp_path, rabbitmq):
    rabbitmq.control("add_user", "beggar", "none")
    rabbitmq.control("set_permissions", "/", "beggar", "^$", "^$", "^$")
    text = on(tmp_path, rabbitmq.endpoint, username="beggar", password="none")
    with goes_on(tmp_path, text, "(give the user permission for it)"):
        pass
    rabbitmq.control("delete_user", "beggar")


def test_a_rabbitmq_whose_certificate_is_not_trusted(tmp_path, rabbitmq):
    (tmp_path / "none").mkdir()
    write_pair(tmp_path / "none")
    (tmp_path / "none" / "server.crt").rename(tmp_path / "none" / "other.pem")
    endpoint = rabbitmq.tls_endpoint(trusted=tmp_path / "none")
    words = "is not accepted: it is self-signed and not trusted; correct trustRoots"
    with goes_on(tmp_path, on(tmp_path, endpoint), words):
        pass


# -- wazo-auth ------------------------------------------------------------------------------------


def by_wazo_auth(folder, more=""):
    port = reserved_port()
    text = standalone(folder)
    return text[: text.index("auth:")] + f"auth: {{host: 127.0.0.1, port: {port}{more}}}\n"


def test_a_wazo_auth_that_is_not_there(tmp_path):
    with GatewayProcess(tmp_path, by_wazo_auth(tmp_path)) as gateway:
        for _ in range(3):
            with gateway.ready().connect("/?token=s3cret-user"):
                pass
        gateway.wait_for("is unavailable")
        assert gateway.stop() == 0
    check(gateway.log, "is unavailable", LATER)


def test_a_service_key_that_cannot_be_used_as_wazo_auth_is_not_there(tmp_path):
    text = by_wazo_auth(tmp_path, ", service_id: me, service_key: s3cret-key")
    with goes_on(tmp_path, text, "no service token: ") as gateway:
        pass
    assert "s3cret" not in gateway.log


# -- a disk that is full --------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["standard output", "a file"])
def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, where):
    port = reserved_port()
    out = ("sh", "-c", 'exec "$0" "$@" > /dev/full 2>&1', TWISTD)
    file = (TWISTD, "--logfile", "/dev/full")
    text = standalone(tmp_path).replace("ssl:0", f"ssl:{port}")
    with GatewayProcess(tmp_path, text, out if where == "standard output" else file) as gateway:
        wait_until_open(port)
        for _ in range(3):
            with client_of(port) as client:
                assert client.recv(DEADLINE)
        assert gateway.stop() == 0
    assert gateway.log == ""


def client_of(port):
    """Return a client of a gateway that does not say where it listens."""
    return Client(f"wss://localhost:{port}/?token=s3cret-user&version=2", DEADLINE, ssl=trusting())


def wait_until_open(port):
    """There is no line that says so."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise AssertionError("it does not listen")


def test_a_disk_that_has_room_again_has_the_number_of_lines_that_are_missing(tmp_path):
    """The file may not grow for a while; it is the same to the program."""
    log, port = tmp_path / "log", reserved_port()
    text = standalone(tmp_path).replace("ssl:0", f"ssl:{port}")
    with GatewayProcess(tmp_path, text, (TWISTD, "--logfile", str(log))) as gateway:
        wait_until_open(port)
        _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
        before = log.read_text()
        for _ in range(3):
            with client_of(port) as client:
                assert client.recv(DEADLINE)
        assert log.read_text() == before
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert gateway.stop() == 0
    check(log.read_text(), "log lines could not be written: File too large", LATER)
    assert log.read_text().startswith(before)


# -- too many open files --------------------------------------------------------------------------

FEW = 64
CROWD = 100


def test_too_many_open_files_cost_newcomers_only(tmp_path):
    twistd = ("sh", "-c", f'ulimit -n {FEW}; exec "$0" "$@"', TWISTD)
    with GatewayProcess(tmp_path, standalone(tmp_path), twistd) as gateway:
        with gateway.ready().connect("/?token=s3cret-user&version=2") as client:
            assert client.recv(DEADLINE)
            with ExitStack() as stack:
                crowd = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(CROWD)]
                for one in crowd:
                    stack.enter_context(one)
                gateway.wait_for("too many open files")
                client.send('{"op": "ping", "data": {"payload": "still here"}}')
                assert "still here" in client.recv(DEADLINE)
            client.send('{"op": "ping", "data": {"payload": "and now"}}')
            assert "and now" in client.recv(DEADLINE)
            with patiently(gateway) as other:
                assert other.recv(DEADLINE)
        assert gateway.stop() == 0
    lines = [line for line in gateway.log.splitlines() if "too many open files" in line]
    assert documented(lines[0])
    assert f"the limit is {FEW}" in lines[0]
    assert len(lines) == 2
    assert "more like it in" in lines[1]
    assert "EMFILE" not in gateway.log


def patiently(gateway):
    """Return a client, as soon as there is room for it."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return gateway.connect("/?token=s3cret-user&version=2")
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_bus_for_which_no_file_can_be_opened(tmp_path, rabbitmq):
    """And which is up as soon as one can."""
    twistd = ("sh", "-c", f'ulimit -n {FEW}; exec "$0" "$@"', TWISTD)
    port = reserved_port()
    text = on(tmp_path, f"tcp:127.0.0.1:{port}")
    with GatewayProcess(tmp_path, text, twistd) as gateway, ExitStack() as stack:
        gateway.wait_for("the bus is down")
        for _ in range(CROWD):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
        gateway.wait_for("the bus is down: .*: too many open files")
        assert gateway.stop() == 0
    line = next(
        line for line in gateway.log.splitlines() if "the bus is down: " in line and "too many" in line
    )
    assert documented(line)


# -- what is refused before the upgrade -----------------------------------------------------------


def test_refusals_are_told_with_their_number(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        for _ in range(3):
            with gateway.ready().dial() as raw:
                raw.sendall(
                    b"GET /?token=s3cret-user HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                )
                assert b" 400 " in raw.recv(4096)
    lines = [line for line in gateway.log.splitlines() if "was rejected: 400 Bad Request" in line]
    assert len(lines) == 1
    assert "a connection from 127.0.0.1 was rejected" in lines[0]
