"""Run the command `wsevents` in a process; return its output and exit status."""

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
    """The result of a command."""

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
    """Return the environment of the tests, with a fixed terminal width."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("WSEVENTS")}
    return {**mine, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **more}


def command(*words):
    return [sys.executable, "-m", "wsevents.cli", *map(str, words)]


def wsevents(*words, stdin="", **variables):
    """Run a command and wait for its exit."""
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
    """Run a command while the reactor of the test runs; fires with the result."""
    return deferToThread(wsevents, *words, **options)


def begin(*words, **variables):
    """Start a command that keeps running; the test must stop it."""
    return subprocess.Popen(
        command(*words),
        env=environ(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
