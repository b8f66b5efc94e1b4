"""The bash completion knows the commands and their options."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "debian" / "wsevents.bash-completion"
COMPLETE = """
wsevents() { "$PYTHON" -c 'from wsevents.cli import main; main(prog_name="wsevents")'; }
source "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_wsevents wsevents
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    """Return bash's completions of the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", SCRIPT, *words],
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_first_word_is_a_command():
    from wsevents.cli import main

    assert set(completed("wsevents", "")) == set(main.commands)


@pytest.mark.parametrize(("begun", "whole"), [("che", "check-config"), ("pub", "publish")])
def test_a_partial_command_is_completed(begun, whole):
    assert completed("wsevents", begun) == [whole]


def test_options_of_a_command_are_completed():
    assert "--help" in completed("wsevents", "check-config", "--h")


def test_the_script_registers_the_completion_and_prints_nothing():
    ask = f"source {SCRIPT}; complete -p wsevents"
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "complete -o nosort -F _wsevents wsevents\n"
    assert done.stderr == ""
