"""A real `twistd wsevents` in a process of its own, on ports that it chooses."""

import os
import re
import select
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

from websockets.sync.client import connect

DEADLINE = 60
TWISTD = str(Path(sys.executable).with_name("twistd"))


class GatewayProcess:
    """Starts with the configuration in `text`; without one it is the embedded default.

    Attributes:
        log: everything that it has said so far.
    """

    def __init__(self, folder, text=None, environ=None):
        self.folder, self.log = Path(folder), ""
        arguments = [TWISTD, "--nodaemon", "--pidfile=", "wsevents"]
        if text is not None:
            file = self.folder / "config.yml"
            file.write_text(text)
            arguments += ["--config", str(file)]
        self.process = subprocess.Popen(
            arguments,
            cwd=self.folder,
            env={**os.environ, "WSEVENTS_STATE": str(self.folder / "state"), **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_for(self, pattern, since=0, deadline=DEADLINE):
        """Read the log until it matches after this many characters; return the match."""
        end = time.monotonic() + deadline
        while (match := re.compile(pattern).search(self.log, since)) is None:
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.log}"
            assert self._read(0.5) or self.process.poll() is None, f"it ended:\n{self.log}"
        return match

    def _read(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        self.log += data.decode()
        return bool(data)

    @property
    def port(self):
        return int(self.wait_for(r"listening on 127\.0\.0\.1:(\d+)")[1])

    def ready(self, since=0):
        """Wait until events can come."""
        self.wait_for("the bus is up", since)
        return self

    def connect(self, target, **options):
        """Return a client of the `websockets` library."""
        return connect(
            f"wss://localhost:{self.port}{target}", ssl=trusting(), open_timeout=DEADLINE, **options
        )

    def stop(self, signal_number=signal.SIGTERM):
        """Stop it; return its exit status. What it still says is read."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.ended()

    def ended(self):
        """Wait until it has ended by itself; return its exit status."""
        if self.process.stdout.closed:
            return self.process.returncode
        end = time.monotonic() + DEADLINE
        while self._read(0.5) or self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
        self.process.stdout.close()
        return self.process.wait(DEADLINE)


def trusting():
    """Return a TLS context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
