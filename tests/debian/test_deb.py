"""The content of the package, its installation and removal, and its service."""

import json
import re
import socket
import subprocess
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from tests.debian.conftest import HIGHER, ROOT
from tests.support.debian import said, tried
from tests.support.gateway_process import DEADLINE
from tests.support.ports import reserved_port
from tests.support.websocket_client import Client, trusting
from wsevents import __version__

CONFIG = "/etc/wsevents/config.yml"
KEY, CERTIFICATE = "/etc/wsevents/ssl/server.key", "/etc/wsevents/ssl/server.crt"
SERVICE = "/lib/systemd/system/wsevents.service"
OF_SYSTEMD = {
    "etc/systemd/system/multi-user.target.wants/wsevents.service",
    "var/lib/systemd/deb-systemd-helper-enabled/wsevents.service.dsh-also",
    "var/lib/systemd/deb-systemd-helper-enabled/wsevents.socket.dsh-also",
    "var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants/wsevents.service",
}
"""The files of an enabled service, including the state of deb-systemd-helper."""
CANNOT_BE_USED = 78
"""The exit status of the service if its configuration cannot be used."""
CONFFILE_OF_ITS_OWN = "# Mine.\n"


def fields(deb):
    text = said("dpkg-deb", "--field", deb)
    return dict(re.findall(r"(?m)^(\S+): (.*)$", text))


def listed(debian):
    """Return the files that dpkg lists for the package."""
    lines = debian.run("dpkg", "--listfiles", "wsevents").splitlines()
    return {re.sub("^/lib/", "/usr/lib/", line).lstrip("/") for line in lines}


def changed(before, after):
    """Return the files that are in only one of two listings, or differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


# -- content --------------------------------------------------------------------------------------


def test_the_package_has_the_version_of_the_program(deb):
    assert deb.exists()
    assert fields(deb)["Version"] == __version__


def test_it_depends_on_its_python_version_and_on_no_python_library(deb):
    wanted = {one.split(" ")[0] for one in fields(deb)["Depends"].split(", ")}
    assert {"adduser", "python3", "libc6"} <= wanted
    assert not [name for name in wanted if name.startswith("python3-")]
    assert "python3 (<< 3.12)" in fields(deb)["Depends"]


def test_lintian_finds_neither_errors_nor_warnings(deb):
    status, output = tried("lintian", "--allow-root", "--fail-on", "error,warning", deb)
    assert status == 0, output


def test_it_contains_no_compiled_modules_and_no_tests(deb):
    files = [line.split()[-1] for line in said("dpkg-deb", "--contents", deb).splitlines()]
    assert "./usr/lib/wsevents/site/wsevents/tap.py" in files
    assert not [name for name in files if re.search(r"\.pyc$|/dropin\.cache$|/tests?/|\.pth$", name)]


def test_the_command_accepts_the_shipped_configuration(clean):
    assert __version__ in clean.run("wsevents", "--version")
    said_of_it = clean.run("wsevents", "check-config")
    assert f"listen[0]: {CERTIFICATE} for " in said_of_it
    assert f"{CONFIG}: valid; read as wsevents" in said_of_it


# -- installing, upgrading, removing, purging -----------------------------------------------------


def test_it_creates_a_user_and_folders_with_restricted_permissions(clean):
    there = clean.listing()
    assert there["var/lib/wsevents"] == "d wsevents:wsevents 750 "
    assert there["etc/wsevents/conf.d"] == "d root:wsevents 750 "
    assert there["etc/wsevents/ssl"] == "d root:wsevents 750 "
    assert there["etc/wsevents/secrets"] == "d root:root 700 "
    assert there["etc/wsevents/ssl/server.key"] == "f root:wsevents 640 "
    assert there["etc/wsevents/ssl/server.crt"] == "f root:root 644 "
    name, _, _, _, _, home, shell = clean.run("getent", "passwd", "wsevents").strip().split(":")
    assert (name, home, shell) == ("wsevents", "/var/lib/wsevents", "/usr/sbin/nologin")


def test_the_installation_adds_only_packaged_compiled_and_generated_files(bare, clean):
    new = changed(bare.listing(), clean.listing())
    own = listed(clean)
    compiled = re.compile(r"usr/lib/wsevents/site/.*(__pycache__(/[^/]+\.pyc)?|plugins/dropin\.cache)")
    made = {
        "var/lib/wsevents",
        "etc/wsevents/ssl/server.key",
        "etc/wsevents/ssl/server.crt",
        "etc/wsevents/ssl/self-signed.sha256",
    } | OF_SYSTEMD
    assert {name for name in new - own if not compiled.fullmatch(name)} == made


def test_the_certificate_is_for_this_machine(clean):
    said("openssl", "verify", "-CAfile", clean.path(CERTIFICATE), clean.path(CERTIFICATE))
    text = said("openssl", "x509", "-in", clean.path(CERTIFICATE), "-noout", "-ext", "subjectAltName")
    assert f"DNS:{socket.gethostname().split('.')[0]}" in text
    assert "DNS:localhost, IP Address:127.0.0.1" in text


def test_no_certificate_is_made_where_another_is_configured(uninstalled, deb):
    uninstalled.write(
        "/etc/wsevents/conf.d/listen.yml", 'listen: ["ssl:9502:privateKey=/a.key:certKey=/a.crt"]\n'
    )
    uninstalled.install(deb)
    assert not uninstalled.path(KEY).exists()
    assert not uninstalled.path(CERTIFICATE).exists()


def test_a_configuration_that_cannot_be_read_does_not_stop_the_installation(uninstalled, deb):
    uninstalled.write("/etc/wsevents/conf.d/listen.yml", "listen: [\n")
    uninstalled.install(deb)
    assert not uninstalled.path(KEY).exists()


def test_an_upgrade_keeps_an_edited_conffile_and_the_certificate(debian, higher):
    debian.path(CONFIG).write_text(CONFFILE_OF_ITS_OWN)
    debian.path("/etc/wsevents/conf.d").chmod(0o700)
    key = debian.path(KEY).read_bytes()
    debian.install(higher)
    assert debian.run("dpkg-query", "--show", "--showformat=${Version} ${Status}", "wsevents") == (
        f"{HIGHER} install ok installed"
    )
    assert debian.path(CONFIG).read_text() == CONFFILE_OF_ITS_OWN
    assert debian.path(KEY).read_bytes() == key
    assert debian.listing()["etc/wsevents/conf.d"] == "d root:wsevents 700 "


def test_an_upgrade_replaces_an_unedited_conffile(debian, higher):
    debian.install(higher)
    assert debian.path(CONFIG).read_text().endswith("# Of the higher version.\n")


def test_an_upgrade_removes_all_files_of_the_previous_version(debian, higher):
    before = debian.listing()
    debian.install(higher)
    site = "usr/lib/wsevents/site/txaio"
    assert {
        name for name in changed(before, debian.listing()) if not name.endswith("config.yml.dpkg-old")
    } == {
        f"{site}/aio.py",
        f"{site}/__pycache__/aio.cpython-311.pyc",
        f"{site}/of_the_higher_version.py",
        f"{site}/__pycache__/of_the_higher_version.cpython-311.pyc",
    }


def test_a_removal_keeps_only_configuration_and_state(bare, debian):
    debian.run("dpkg", "--remove", "wsevents")
    assert (
        changed(bare.listing(), debian.listing())
        == {
            "etc/wsevents",
            "etc/wsevents/config.yml",
            "etc/wsevents/ssl",
            "etc/wsevents/ssl/server.key",
            "etc/wsevents/ssl/server.crt",
            "etc/wsevents/ssl/self-signed.sha256",
            "var/lib/wsevents",
        }
        | OF_SYSTEMD
    )


def test_a_purge_keeps_only_the_user(bare, debian):
    debian.write("/var/lib/wsevents/made-by-the-service", "")
    debian.run("dpkg", "--purge", "wsevents")
    assert changed(bare.listing(), debian.listing()) == set()
    assert "wsevents" in debian.run("getent", "passwd")


def test_a_purge_after_an_upgrade_keeps_only_the_user(bare, debian, higher):
    debian.install(higher)
    debian.run("dpkg", "--remove", "wsevents")
    debian.run("dpkg", "--purge", "wsevents")
    assert changed(bare.listing(), debian.listing()) == set()


def test_it_can_be_installed_again_after_it_was_removed_or_purged(clean, debian, deb):
    for action in ("--remove", "--purge"):
        debian.run("dpkg", action, "wsevents")
        debian.install(deb)
        assert changed(clean.listing(), debian.listing()) == set()


def test_a_purge_keeps_an_administrators_files(debian):
    debian.path(CERTIFICATE).write_text("of an authority")
    debian.write("/etc/wsevents/conf.d/mine.yml", "workers: 2\n")
    debian.run("dpkg", "--purge", "wsevents")
    left = {name for name in debian.listing() if name.startswith("etc/wsevents")}
    assert left == {
        "etc/wsevents",
        "etc/wsevents/conf.d",
        "etc/wsevents/conf.d/mine.yml",
        "etc/wsevents/ssl",
        "etc/wsevents/ssl/server.crt",
        "etc/wsevents/ssl/server.key",
    }


# -- the service, as its user ---------------------------------------------------------------------

STANDALONE = """
listen: ["ssl:{port}:interface=127.0.0.1:privateKey=%s:certKey=%s"]
status: {{endpoint: null}}
bus: {{type: memory}}
auth: {{type: static, tokens: {{s3cret: {{uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.#"]}}}}}}
""" % (KEY, CERTIFICATE)  # noqa: UP031 braces are YAML's
AWAY = STANDALONE.replace("bus: {{type: memory}}", "bus: {{endpoint: 'tcp:127.0.0.1:1'}}")
"""The same, with a RabbitMQ that does not answer."""


def start_command():
    """Return the command of the unit."""
    return re.search("(?m)^ExecStart=(.*)$", (ROOT / "debian/wsevents.service").read_text())[1].split()


@contextmanager
def serving(debian, *command):
    """Start the service with a command as its user; stop it at the end of the block."""
    whole = ["chroot", str(debian.root), "runuser", "-u", "wsevents", "--", *command]
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    process = subprocess.Popen(
        whole, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=DEADLINE)


def until(process, pattern):
    """Return the output up to the first line that matches."""
    heard = ""
    for line in process.stdout:
        heard += line
        if re.search(pattern, line):
            return heard
    raise AssertionError(f"no {pattern!r} in:\n{heard}")


def hears_an_event(port, how="/?token=s3cret&version=2"):
    """Check that a client receives an event which another program publishes over HTTP."""
    with Client(f"wss://localhost:{port}{how}", DEADLINE, ssl=trusting()) as client:
        client.send('{"op": "subscribe", "data": {"event_name": "*"}}')
        client.send('{"op": "start"}')
        assert [json.loads(client.recv(DEADLINE))["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        said(
            *["curl", "--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*"],
            *["--header", "X-Auth-Token: s3cret", "--header", "Content-Type: application/json"],
            *["--data", '{"name": "e", "data": {}}', f"https://localhost:{port}/publish"],
        )
        assert json.loads(client.recv(DEADLINE))["data"]["name"] == "e"


def test_the_service_pushes_events_over_tls_as_its_user(debian):
    port = reserved_port()
    debian.write("/etc/wsevents/conf.d/test.yml", STANDALONE.format(port=port))
    before = debian.listing()
    with serving(debian, *start_command()) as process:
        until(process, "the bus is up")
        hears_an_event(port)
        owner = said("ps", "-o", "uid=", "--ppid", process.pid).strip()
        assert owner == debian.run("id", "-u", "wsevents").strip()
    assert changed(before, debian.listing()) == set()


def refusal(debian, *command):
    """Return exit status and output of a service that does not start."""
    with serving(debian, *command) as process:
        output, _ = process.communicate(timeout=DEADLINE)
        return process.returncode, output


def test_the_unit_never_starts_the_embedded_default(debian):
    command = start_command()
    assert command[-2:] == ["--config", CONFIG]
    debian.path(CONFIG).unlink()
    status, output = refusal(debian, *command)
    assert status == CANNOT_BE_USED
    assert f"wsevents: {CONFIG}: cannot be read: No such file or directory" in output


@pytest.mark.parametrize("argument", ["--config=", "--config=/etc/wsevents"])
def test_an_empty_configuration_argument_does_not_start_it_either(debian, argument):
    status, output = refusal(debian, *start_command()[:-2], argument)
    assert status == CANNOT_BE_USED
    assert "cannot be read: Is a directory" in output
    assert "listening" not in output


def test_neither_the_environment_nor_the_folder_it_is_started_in_brings_other_modules(debian):
    debian.write("/tmp/evil/twisted/__init__.py", "raise SystemExit('evil')\n")
    debian.write("/tmp/evil/zope/__init__.py", "raise SystemExit('evil')\n")
    script = "cd /tmp/evil && PYTHONPATH=/tmp/evil exec /usr/lib/wsevents/bin/twistd --help"
    assert re.search("(?m)^ *wsevents  +Telephony", debian.run("sh", "-c", script))


def refused_with(port):
    """Return the close code of a new connection."""
    with Client(f"wss://localhost:{port}/?token=s3cret", DEADLINE, ssl=trusting()) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(DEADLINE)
        return closed.value.rcvd.code


def test_workers_find_our_libraries_where_debian_has_its_own(debian):
    port = reserved_port()
    debian.install("python3-twisted", "python3-zope.interface", "python3-autobahn")
    debian.write("/etc/wsevents/conf.d/test.yml", AWAY.format(port=port) + "workers: 2\n")
    with serving(debian, *start_command()) as process:
        heard = until(process, "worker [12].* is ready") + until(process, "worker [12].* is ready")
        assert "restarting it" not in heard
        assert refused_with(port) == 1011
