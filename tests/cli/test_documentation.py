"""The examples of the page about the commands are executed, and its outputs compared."""

import json
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from threading import Thread

import click
import pytest

from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.shell import ROOT, environ, wsevents
from wsevents.cli import main

PAGE = (ROOT / "docs" / "commands.md").read_text()
SECTIONS = dict(re.findall(r"(?ms)^## (\S+)\n(.*?)(?=^## |\Z)", PAGE))
USER = "7f523550-03cf-4dac-a858-cb8afdb34775"
TENANT = "29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3"


def blocks(text, kind):
    return re.findall(rf"(?ms)^ *```{kind}\n(.*?)^ *```$", text)


def shown(name):
    """Return the output of a command on the page."""
    (block,) = blocks(SECTIONS[name], "console")
    command, _, output = block.partition("\n")
    assert command.startswith(f"$ wsevents {name}")
    return output


def lines():
    """Return every command line on the page or in a help text."""
    texts = [*blocks(PAGE, "sh"), *(one.epilog.replace("\\\n", "") for one in main.commands.values())]
    found = [line.strip() for text in texts for line in text.splitlines()]
    return sorted({line for line in found if "wsevents " in line and "_COMPLETE" not in line})


def words(line):
    """Return the arguments of `wsevents` in a shell command line."""
    call = shlex.split(line.partition("wsevents ")[2])
    return list(takewhile(lambda word: word not in {"|", "&&", "<", ">"}, call))


@pytest.mark.parametrize("line", lines())
def test_every_shown_command_line_is_valid(line):
    name, *arguments = words(line)
    command = main.commands[name]
    with command.make_context(name, arguments) as context:
        assert context.params


def test_every_command_has_a_section_and_a_row():
    assert set(SECTIONS) == set(main.commands)
    assert set(re.findall(r"(?m)^\| \[`(\S+)`\]", PAGE)) == set(main.commands)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_option_in_a_section_exists(name):
    known = {flag for one in main.commands[name].params if isinstance(one, click.Option) for flag in one.opts}
    assert set(re.findall(r"(?<![-\w])--[a-z][a-z-]*", SECTIONS[name])) - known == set()


def test_check_config_prints_the_shown_output(tmp_path):
    (tmp_path / "ssl").mkdir()
    key, crt = write_pair(tmp_path / "ssl")
    file = tmp_path / "config.yml"
    file.write_text(f'listen: ["ssl:0:privateKey={key}:certKey={crt}"]\n')
    printed = wsevents("check-config", file).out.replace(str(tmp_path), "/etc/wsevents")
    printed = re.sub(r"until \S+ \(\d+ days\)", "until DATE (DAYS days)", printed)
    assert re.sub(r"read as \w+", "read as USER", printed) == shown("check-config")


def test_token_prints_the_shown_output(tmp_path):
    file = tmp_path / "config.yml"
    token = f'{{uuid: {USER}, tenant_uuid: {TENANT}, acl: [websocketd, "events.#"]}}'
    file.write_text(
        f'listen: ["tcp:0"]\nbus: {{type: memory}}\nauth: {{type: static, tokens: {{t: {token}}}}}\n'
    )
    done = wsevents("token", "-", "--config", file, stdin="t\n")
    assert done.out == shown("token")


def test_import_wazo_prints_the_shown_output(tmp_path):
    file = "/var/lib/wazo-auth-keys/wazo-websocketd-key.yml"
    given = f"bus: {{host: rabbitmq.example.org}}\nauth: {{host: localhost, port: 9497, key_file: {file}}}\n"
    (tmp_path / "config.yml").write_text(given)
    assert wsevents("import-wazo", tmp_path, XIVO_UUID="").out == shown("import-wazo")


def test_the_twisted_program_prints_events_and_the_close_reason(tmp_path):
    (program,) = blocks(PAGE, "python")
    with GatewayProcess(tmp_path, standalone(tmp_path)) as gateway:
        gateway.ready()
        words = [sys.executable, "-c", program, f"wss://localhost:{gateway.port}/", "s3cret-user"]
        trusting = environ(SSL_CERT_FILE=str(tmp_path / "server.crt"))
        with subprocess.Popen(words, env=trusting, stdout=subprocess.PIPE, text=True) as process:
            output_lines = []
            listener = Thread(target=lambda: output_lines.extend(process.stdout))
            listener.start()
            try:
                for _ in range(5 * DEADLINE):
                    gateway.publish("call_created")
                    if output_lines:
                        break
                    listener.join(0.2)
                gateway.stop()
                listener.join(2)
            finally:
                process.kill()
                listener.join()
    assert output_lines[0] == "call_created\n"
    assert "closed with 1001" in next(line for line in output_lines if line != output_lines[0])


def test_sessions_prints_the_shown_output(tmp_path):
    text = standalone(tmp_path) + f"status: {{endpoint: 'unix:{tmp_path}/status'}}\n"
    with (
        GatewayProcess(tmp_path, text) as gateway,
        gateway.ready().connect("/?token=s3cret-user&version=2") as client,
    ):
        client.send('{"op": "subscribe", "data": {"event_name": "call_created"}}')
        for _ in ("init", "subscribe"):
            assert json.loads(client.recv(DEADLINE))["code"] == 0
        client.send('{"op": "start"}')
        client.recv(DEADLINE)
        printed = wsevents("sessions", "--config", tmp_path / "config.yml").out
    printed = re.sub(r"(?m)^\d+-", "4711-", re.sub(r" \d+s ", " TIME ", printed))
    assert printed.split() == shown("sessions").split()
