"""A real `twistd wsevents` process, on reserved ports."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread
from urllib.request import Request, urlopen

import pytest

from tests.support.certificates import write_pair
from tests.support.ports import claimed
from tests.support.websocket_client import Client, trusting

DEADLINE = 60
TIMEOUT = 600  # seconds: another test process may use the ports of the embedded default for that long
TWISTD = str(Path(sys.executable).with_name("twistd"))
EMBEDDED_PORTS = 9502, 9503
STANDALONE = """
listen: ["ssl:0:interface=127.0.0.1:privateKey={key}:certKey={crt}"]
drain: {{seconds: 0}}
bus: {{type: memory}}
auth:
  type: static
  tokens:
    s3cret-user: {{uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.#"]}}
    s3cret-other: {{uuid: u2, tenant_uuid: t2, acl: [websocketd, "events.#"]}}
    s3cret-none: {{uuid: u1, tenant_uuid: t1, acl: ["events.#"]}}
    s3cret-brief: {{uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.#"], expires_in: {seconds}}}
"""
LOUD = """
import txaio
txaio.use_twisted()
txaio.set_global_log_level("trace")

from twisted.internet import reactor
from twisted.logger import Logger
from twisted.scripts.twistd import run
from wsevents.logs.level import LEVEL

reactor.callWhenRunning(LEVEL.set, "debug")
for log in (Logger(), txaio.make_logger()):
    reactor.callWhenRunning(log.debug, "{log_namespace} is loud")
run()
"""
SOCKET_ACTIVATION = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="wsevents")
os.execv(sys.argv[1], sys.argv[1:])
"""


def activated_twistd(folder):
    """Return the command of a twistd that gets a listening socket of 127.0.0.1, as from systemd."""
    script = folder / "systemd.py"
    script.write_text(SOCKET_ACTIVATION)
    return sys.executable, script, TWISTD


def loud_twistd(folder):
    """Return the command of a twistd that logs everything that any library logs, including debug messages."""
    script = folder / "loud.py"
    script.write_text(LOUD)
    return sys.executable, script


def standalone(folder, seconds=3600):
    """Return a configuration without external services; one token expires `seconds` after its first use."""
    key, crt = write_pair(folder)
    return STANDALONE.format(key=key, crt=crt, seconds=seconds)


class GatewayProcess:
    """A gateway process with the configuration in `text`, or with the embedded default.

    Attributes:
        log: its output so far.
    """

    def __init__(self, folder, text=None, twistd=(TWISTD,)):
        self.folder, self.log, self._is_stopped = Path(folder), "", False
        arguments = [*twistd, "--nodaemon", "--pidfile=", "wsevents"]
        if text is not None:
            file = self.folder / "config.yml"
            # Several gateways run at the same time, so none may use the default port.
            file.write_text(
                text
                if re.search(r"(?m)^status:|\"status\":", text)
                else f"{text}\nstatus: {{endpoint: null}}\n"
            )
            arguments += ["--config", str(file)]
        self.process = subprocess.Popen(
            arguments,
            cwd=self.folder,
            env={**os.environ, "WSEVENTS_STATE": str(self.folder / "state")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._said, self._silent = Condition(), False
        # Always read the pipe: the process blocks when it is full.
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _listen(self):
        for line in self.process.stdout:
            self._hear(line)
        self._hear("", silent=True)

    def _hear(self, line, silent=False):
        with self._said:
            self.log += line
            self._silent = silent
            self._said.notify_all()

    def wait_for(self, pattern, since=0):
        """Wait until the log matches after position `since`; return the match."""
        search = re.compile(pattern).search
        with self._said:
            self._said.wait_for(lambda: search(self.log, since) or self._silent, DEADLINE)
            match = search(self.log, since)
            assert match, f"no {pattern!r} in:\n{self.log}"
            return match

    @property
    def port(self):
        return int(self.wait_for(r"listening on 127\.0\.0\.1:(\d+)")[1])

    def ready(self, since=0):
        """Wait until the gateway is ready for events."""
        self.wait_for("the bus is up", since)
        return self

    def connect(self, target, **options):
        """Return a client of the `websockets` library."""
        return Client(f"wss://localhost:{self.port}{target}", DEADLINE, ssl=trusting(), **options)

    def dial(self, context=None):
        """Return a TLS connection on which no data was sent."""
        raw = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        return (context or trusting()).wrap_socket(raw, server_hostname="localhost")

    def publish(self, name, token="s3cret-user", **fields):
        """Publish an event on the in-memory bus over HTTP; return its body."""
        request = Request(
            f"https://localhost:{self.port}/publish",
            json.dumps({"name": name, "data": {}} | fields).encode(),
            {"Content-Type": "application/json", "X-Auth-Token": token},
        )
        with urlopen(request, timeout=DEADLINE, context=trusting()) as answer:
            return answer.read().decode()

    @property
    def is_stopped(self):
        """Return whether the process has exited, or was stopped by a signal."""
        return self._is_stopped or self.process.poll() is not None

    def stop(self, signal_number=signal.SIGTERM):
        """Stop the process; return its exit status. `log` has its last output."""
        self._is_stopped = True
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.ended()

    def ended(self):
        """Wait until the process exits by itself; return its exit status."""
        self._listener.join(DEADLINE)
        if self._listener.is_alive():
            self.process.kill()
            self._listener.join(DEADLINE)
        self.process.stdout.close()
        return self.process.wait(DEADLINE)


class Shared:
    """One gateway for all tests of a module; if a test stops it, the next test gets a new one.

    The tests share its log: a test must only look at the part since its start.
    """

    def __init__(self, factory, start):
        self._factory, self._start, self._process = factory, start, None

    def running(self):
        """Return the gateway when it is ready for events."""
        if self._process is None or self._process.is_stopped:
            self.stop()
            self._process = self._start(self._factory.mktemp("gateway"))
        return self._process.ready()

    def stop(self):
        """Stop the gateway; check that no test has caused an error in it."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()
            assert "Traceback" not in process.log, process.log


def shared(start):
    """Return a fixture with a `Shared`; `start` takes a folder and starts a gateway."""

    @pytest.fixture(scope="module")
    def sharing(tmp_path_factory):
        it = Shared(tmp_path_factory, start)
        yield it
        it.stop()

    return sharing


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway without external services, for all tests of a module that do not change it."""
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, standalone(folder)) as process:
        yield process.ready()


@pytest.fixture
def own_gateway(tmp_path):
    """A gateway for one test, which may stop it or read its whole log."""
    with GatewayProcess(tmp_path, standalone(tmp_path)) as process:
        yield process.ready()


@contextmanager
def embedded_ports():
    """Own the two ports of the embedded default, which the documentation names."""
    with claimed("embedded-default", TIMEOUT):
        for port in EMBEDDED_PORTS:
            if is_taken(port):
                pytest.fail(f"port {port} is in use: stop the gateway that `make run` started", pytrace=False)
        yield


@pytest.fixture(scope="module")
def embedded_default(tmp_path_factory):
    """The gateway that `make run` starts, for all tests of a module that do not change it."""
    with embedded_ports(), GatewayProcess(tmp_path_factory.mktemp("embedded")) as process:
        yield process.ready()


@pytest.fixture
def own_embedded_default(tmp_path):
    """The gateway that `make run` starts, for one test, which may stop it."""
    with embedded_ports(), GatewayProcess(tmp_path) as process:
        yield process.ready()


def is_taken(port):
    """Return whether a process listens on a port of this machine."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            socket.create_server((address, port), family=family).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
    return False
