"""A worker imports the same modules as its supervisor and is as isolated."""

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
    """Start a worker from a Python with these options; return its module path, isolation and a variable."""
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
def test_a_worker_has_the_module_path_of_its_supervisor(tmp_path, options):
    path, _, _ = worker(tmp_path, *options)
    assert path[0] == str(tmp_path)


def test_the_worker_of_an_isolated_python_is_isolated_too(tmp_path):
    _, without_site, seed = worker(tmp_path, "-I", "-S")
    assert (without_site, seed) == (1, None)


def test_the_worker_of_another_python_has_its_site_and_its_environment(tmp_path):
    _, without_site, seed = worker(tmp_path)
    assert (without_site, seed) == (0, "7")
