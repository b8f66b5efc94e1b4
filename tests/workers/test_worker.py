"""A worker finds the modules that the supervisor has found, and none that it was kept from."""

import json
import os
import subprocess
import sys

import pytest

SHOW = """
import json, sys
sys.path.insert(0, {folder!r})
sys.path += {ours!r}
from wsevents.workers.worker import _environ, _flags, _paths
import os, subprocess
environ = _environ(sys.flags, os.environ) | {{"PYTHONPATH": os.pathsep.join(_paths())}}
show = "import json, os, sys; print(json.dumps([sys.path, sys.flags.no_site, os.getenv('PYTHONHASHSEED')]))"
sys.exit(subprocess.call([sys.executable, *_flags(sys.flags), "-c", show], env=environ))
"""


def worker(folder, *options):
    """Return module path, isolation and a variable of what a Python with these options starts as a worker."""
    program = SHOW.format(folder=str(folder), ours=[path for path in sys.path if path])
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("options", [[], ["-P"], ["-I", "-S"]])
def test_it_looks_first_where_the_supervisor_does(tmp_path, options):
    path, _, _ = worker(tmp_path, *options)
    assert path[0] == str(tmp_path)


def test_the_worker_of_an_isolated_python_is_isolated_as_well(tmp_path):
    _, without_site, seed = worker(tmp_path, "-I", "-S")
    assert (without_site, seed) == (1, None)


def test_any_other_has_the_modules_and_the_environment_of_its_python(tmp_path):
    _, without_site, seed = worker(tmp_path)
    assert (without_site, seed) == (0, "7")
