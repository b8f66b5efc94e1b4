"""`wsevents` as somebody types it: a process of its own, with what it prints and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

from attrs import frozen
from twisted.internet.threads import deferToThread

ROOT = Path(__file__).parents[2]
DEADLINE = 120


@frozen
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


def environ(**more):
    """Return the environment of a command: that of the tests, with a terminal of a known width."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("WSEVENTS")}
    return {**mine, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **more}


def command(*words):
    return [sys.executable, "-m", "wsevents.cli", *map(str, words)]


def wsevents(*words, stdin="", **variables):
    """Run a command to its end."""
    done = subprocess.run(
        command(*words),
        input=stdin,
        env=environ(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def meanwhile(*words, **options):
    """Run a command while the reactor of the test goes on; fires with how it ended."""
    return deferToThread(wsevents, *words, **options)


def begin(*words, **variables):
    """Start a command that goes on by itself; the test ends it."""
    return subprocess.Popen(
        command(*words),
        env=environ(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
