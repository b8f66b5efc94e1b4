"""The load generator, load.c: compiled here and driven over its standard input and output."""

import json
import subprocess
from array import array
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


def compile_load(folder):
    """Compile the load generator into a folder; return the program."""
    program = Path(folder) / "load"
    subprocess.run(["cc", *FLAGS, "-o", program, SOURCE, "-lssl", "-lcrypto"], check=True, timeout=120)
    return program


class Peers:
    """So many peers of one server, connected and ready.

    Attributes:
        count: how many there are.
        tls: the cipher suite that they agreed on with the server.
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
        """Forget the samples taken so far."""
        return self._ask("begin")

    def wait(self, samples, seconds):
        """Wait until this many samples were taken, or so long; return what `load` says."""
        return self._ask(f"await {samples} {seconds}")

    def ignore(self, count):
        """Take no samples from the first so many peers."""
        return self._ask(f"ignore {count}")

    def stall(self, count):
        """Let the first so many peers read no more."""
        return self._ask(f"stall {count}")

    def samples(self):
        """Return the times of the events taken, in microseconds since 1970: a list sent, a list received."""
        self._ask(f"samples {self._samples}")
        numbers = array("q", self._samples.read_bytes())
        self._samples.unlink()
        return numbers[::2], numbers[1::2]

    def close(self):
        """Disconnect all of them."""
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _all_ready(self):
        said = self._heard()
        if said["open"] != self.count:
            raise RuntimeError(f"not all peers became ready: {said}")
        return said["tls"]

    def _ask(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended")
        return json.loads(line)
