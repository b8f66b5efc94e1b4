"""The systemd units are valid, and the service works under systemd."""

import configparser
import re
import signal
from ssl import get_server_certificate

import pytest

from tests.debian.conftest import ROOT
from tests.debian.test_deb import AWAY, CERTIFICATE, KEY, STANDALONE, hears_an_event, refused_with
from tests.support.debian import tried
from tests.support.gateway_process import DEADLINE
from tests.support.websocket_client import Client, trusting

SERVICE = ROOT / "debian" / "wsevents.service"
HIGHEST_EXPOSURE = 3.0
TEST = "/etc/wsevents/conf.d/test.yml"
PORT = 9502


def test_systemd_reports_no_error_in_the_units(clean):
    for unit in ("wsevents.service", "wsevents.socket"):
        command = ["systemd-analyze", "verify", f"--root={clean.root}", "--man=no", "--recursive-errors=no"]
        status, output = tried(*command, unit)
        assert (status, output) == (0, "")


def test_the_service_is_hardened():
    threshold = f"--threshold={int(HIGHEST_EXPOSURE * 10)}"
    status, output = tried("systemd-analyze", "security", "--no-pager", "--offline=true", threshold, SERVICE)
    assert status == 0, output
    assert float(re.search(r"exposure level for wsevents\.service: ([0-9.]+)", output)[1]) < HIGHEST_EXPOSURE


def test_the_stop_timeout_of_systemd_covers_drain_and_stop():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(SERVICE)
    from wsevents.api.settings import Config
    from wsevents.workers.supervisor import STOP_SECONDS

    assert float(unit["Service"]["TimeoutStopSec"]) > Config().drain.seconds + STOP_SECONDS


@pytest.fixture(scope="module")
def machine(clean, tmp_path_factory):
    """A running Debian with the package."""
    with clean.copied(tmp_path_factory.mktemp("machine")) as debian, debian.started() as machine:
        yield machine


@pytest.fixture
def configure(machine):
    """A function that restarts the service with this text in conf.d."""

    def configure(text):
        machine.debian.write(TEST, text)
        machine.run("systemctl", "reset-failed")
        machine.run("systemctl", "restart", "wsevents.service")

    yield configure
    machine.run("systemctl", "stop", "wsevents.service", "wsevents.socket")
    machine.debian.path(TEST).unlink(missing_ok=True)


def heard(machine, pattern):
    """Wait for a log line of the service since its last start."""
    script = 'until journalctl --output=cat "_SYSTEMD_INVOCATION_ID=$2" | grep -qE "$1"; do sleep 0.2; done'
    words = ["bash", "-c", script, "bash", pattern, machine.property("InvocationID")]
    status, _ = machine.tried("timeout", str(DEADLINE), *words)
    assert status == 0, machine.journal()


def test_it_is_ready_once_it_listens_and_pushes_events(machine, configure):
    configure(STANDALONE.format(port=PORT))
    machine.visit(lambda: hears_an_event(PORT))
    assert machine.property("ActiveState") == "active"
    assert machine.property("StatusText")
    user = machine.run("ps", "-o", "user=", "-p", machine.property("MainPID")).strip()
    assert user == "wsevents"


def test_it_is_ready_without_a_bus_and_its_status_says_so(machine, configure):
    configure(AWAY.format(port=PORT))
    assert machine.visit(lambda: refused_with(PORT)) == 1011
    assert "bus" in machine.property("StatusText")


def test_it_is_enabled_and_the_socket_is_not(machine):
    assert machine.run("systemctl", "is-enabled", "wsevents.service").strip() == "enabled"
    assert machine.tried("systemctl", "is-enabled", "wsevents.socket")[1].strip() == "disabled"


def test_it_may_listen_on_a_port_below_1024(machine, configure):
    configure(STANDALONE.format(port=443).replace("127.0.0.1", "0.0.0.0"))
    machine.visit(lambda: hears_an_event(443))


def test_a_reload_keeps_the_peers_and_the_process(machine, configure):
    configure(STANDALONE.format(port=PORT))
    before = machine.property("MainPID")

    def stay():
        with Client(f"wss://localhost:{PORT}/?token=s3cret", DEADLINE, ssl=trusting()) as client:
            client.recv(DEADLINE)
            machine.run("systemctl", "reload", "wsevents.service")
            client.send('{"op": "start"}')
            return client.recv(DEADLINE)

    assert "start" in machine.visit(stay)
    assert machine.property("MainPID") == before
    assert machine.property("ActiveState") == "active"


def test_a_stop_is_a_success(machine, configure):
    configure(STANDALONE.format(port=PORT))
    machine.run("systemctl", "stop", "wsevents.service")
    assert (machine.property("ActiveState"), machine.property("Result")) == ("inactive", "success")


@pytest.fixture
def short_watchdog(machine):
    """Set the watchdog timeout of the service to three seconds."""
    file = "/etc/systemd/system/wsevents.service.d/test.conf"
    machine.debian.write(file, "[Service]\nWatchdogSec=3\n")
    machine.run("systemctl", "daemon-reload")
    yield
    machine.debian.path(file).unlink()
    machine.run("systemctl", "daemon-reload")


def test_a_hanging_service_is_restarted(machine, short_watchdog, configure):
    configure(STANDALONE.format(port=PORT))
    machine.run("kill", f"-{signal.SIGSTOP.value}", machine.property("MainPID"))
    until = 'until [ "$(systemctl show --value -p NRestarts wsevents.service)" = 1 ]; do sleep 0.2; done'
    status, _ = machine.tried("timeout", str(DEADLINE), "bash", "-c", until)
    assert status == 0, machine.journal()


def test_a_missing_configuration_is_a_failure_and_no_demonstration(machine, configure):
    config = machine.debian.path("/etc/wsevents/config.yml")
    text = config.read_text()
    config.unlink()
    try:
        status, _ = machine.tried("systemctl", "restart", "wsevents.service")
        assert status == 1
        assert "config.yml: cannot be read: No such file or directory" in machine.journal()
        assert machine.property("ActiveState") == "failed"  # and will not be restarted
    finally:
        config.write_text(text)


def test_a_secret_that_only_root_can_read_reaches_only_the_service(machine, configure):
    secret = machine.debian.path("/etc/wsevents/secrets/rabbitmq")
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    there = "/run/credentials/wsevents.service/secret_rabbitmq"
    configure(f"bus: {{username: wsevents, password_file: {there}}}\n")
    assert machine.run("runuser", "-u", "wsevents", "--", "cat", there) == "s3cret\n"
    status, _ = machine.tried("runuser", "-u", "nobody", "--", "cat", there)
    assert status == 1


def test_outgoing_tls_works_with_the_hardening(machine, configure):
    # OpenSSL calls Python to verify a certificate; the rejection of the self-signed one shows that it works.
    configure(f"bus: {{endpoint: 'tls:localhost:{PORT}'}}\n")
    heard(machine, "the bus is down: tls:localhost:.*certificate")


def test_workers_run_under_systemd(machine, configure):
    configure(AWAY.format(port=PORT) + "workers: 2\n")
    assert machine.visit(lambda: refused_with(PORT)) == 1011
    machine.run("systemctl", "stop", "wsevents.service")
    assert machine.property("Result") == "success"


def test_with_the_socket_unit_systemd_listens_and_the_service_adds_tls(machine, configure):
    machine.run("systemctl", "start", "wsevents.socket")
    endpoint = f"systemd:domain=INET:index=0:privateKey={KEY}:certKey={CERTIFICATE}"
    text = re.sub("(?m)^listen: .*", f'listen: ["{endpoint}"]', STANDALONE.format(port=0))
    configure(text)
    machine.visit(lambda: hears_an_event(PORT))
    machine.run("systemctl", "stop", "wsevents.service")
    machine.visit(lambda: hears_an_event(PORT))  # the connection starts the service


def shown(machine):
    """Return the certificate of a new connection."""
    return machine.visit(lambda: get_server_certificate(("127.0.0.1", PORT), timeout=DEADLINE))


@pytest.mark.parametrize("kind", ["ssl:9502", "systemd:domain=INET:index=0"])
def test_a_reload_shows_a_renewed_certificate(machine, configure, kind):
    if kind.startswith("systemd"):
        machine.run("systemctl", "start", "wsevents.socket")
    listen = f'listen: ["{kind}:privateKey={KEY}:certKey={CERTIFICATE}"]'
    configure(re.sub("(?m)^listen: .*", listen, STANDALONE.format(port=0)))
    before = shown(machine)
    for name in (KEY, CERTIFICATE):
        machine.run("rm", name)
    machine.run("/usr/lib/wsevents/bin/certificate")  # makes new files without a signal to the service
    assert shown(machine) == before
    machine.run("systemctl", "reload", "wsevents.service")
    heard(machine, "certificates reloaded")
    assert shown(machine) != before
