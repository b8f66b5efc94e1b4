"""Compile the load generator, load.c, and control it over standard input and output."""

import json
import subprocess
from array import array
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


def compile_load(folder):
    """Compile the load generator into a folder; return the path of the program."""
    program = Path(folder) / "load"
    subprocess.run(["cc", *FLAGS, "-o", program, SOURCE, "-lssl", "-lcrypto"], check=True, timeout=120)
    return program


class Peers:
    """Connected peers of one server.

    Attributes:
        count: number of peers.
        tls: the negotiated cipher suite.
    """

    def __init__(self, program, port, count, path, messages=(), replies=0, at_once=50, buffer=0):
        self.count = count
        words = (port, count, path, replies, at_once, buffer, *messages)
        self._samples = Path(program).with_name(f"samples-{port}-{id(self)}")
        self._process = subprocess.Popen(
            [program, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            self.tls = self._all_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def begin(self):
        """Discard the samples taken so far."""
        return self._ask("begin")

    def wait(self, samples, seconds):
        """Wait for this number of samples, or until the timeout; return the report of `load`."""
        return self._ask(f"await {samples} {seconds}")

    def ignore(self, count):
        """Take no samples from the first `count` peers."""
        return self._ask(f"ignore {count}")

    def stall(self, count):
        """Make the first `count` peers stop reading."""
        return self._ask(f"stall {count}")

    def samples(self):
        """Return when each event was sent and received, as two lists of microseconds since 1970."""
        self._ask(f"samples {self._samples}")
        numbers = array("q", self._samples.read_bytes())
        self._samples.unlink()
        return numbers[::2], numbers[1::2]

    def close(self):
        """Disconnect all peers."""
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _all_ready(self):
        report = self._answer()
        if report["open"] != self.count:
            raise RuntimeError(f"not all peers became ready: {report}")
        return report["tls"]

    def _ask(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has exited")
        return json.loads(line)
