"""A real haproxy process, on a socket that already listens."""

import os
import re
import select
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

TIMEOUT = 60


def program():
    """Return the path of haproxy, or fail."""
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if found is None:
        pytest.fail("these tests need haproxy: apt-get install haproxy", pytrace=False)
    return found


@define
class Haproxy:
    """A running haproxy.

    Attributes:
        port: on which it listens on 127.0.0.1.
        log: its output so far.
    """

    port: int
    _output: int
    log: str = field(init=False, default="")

    def wait_for(self, pattern):
        """Wait until the log matches."""
        while not re.search(pattern, self.log):
            ready, _, _ = select.select([self._output], [], [], TIMEOUT)
            data = os.read(self._output, 65536) if ready else b""
            assert data, f"no {pattern!r} in:\n{self.log}"
            self.log += data.decode()


@contextmanager
def balancing(folder, text, bind):
    """Run haproxy with a configuration, on a free port instead of `bind`; it logs its health checks."""
    assert text.count(f"bind {bind}") == 1
    text = text.replace(
        "defaults\n", "defaults\n    log stdout format raw local0\n    option log-health-checks\n", 1
    )
    file = Path(folder) / "haproxy.cfg"
    with socket.create_server(("127.0.0.1", 0)) as listening:  # so that no client connects too early
        number = listening.fileno()
        file.write_text(text.replace(f"bind {bind}", f"bind fd@{number}"))
        process = subprocess.Popen(
            [program(), "-db", "-f", file],
            pass_fds=[number],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with process:
            try:
                yield Haproxy(listening.getsockname()[1], process.stdout.fileno())
            finally:
                process.terminate()
