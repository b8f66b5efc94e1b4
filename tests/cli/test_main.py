"""The command `wsevents`: help, usage errors, completion and exit statuses."""

import configparser
import subprocess
import sys

import click
import pytest

from tests.support.shell import DEADLINE, ROOT, command, environ, wsevents
from wsevents import __version__
from wsevents.cli import main

NAMES = sorted(main.commands)


def complete(words, at):
    """Return the proposals for the word at this position."""
    return wsevents(_WSEVENTS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(at)).out.split()


def test_it_is_installed_as_wsevents():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["console_scripts"].strip() == "wsevents = wsevents.cli:main"


def test_its_help_names_every_command_and_the_exit_statuses():
    done = wsevents("--help")
    assert done.status == 0
    assert all(f"\n  {name}  " in done.out for name in NAMES)
    assert all(f"\n    {status}  " in done.out for status in (0, 1, 2, 130, 141))
    assert "..." not in done.out.partition("\n")[2]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_each_command_has_examples_and_exit_statuses(name):
    done = wsevents(name, "--help", COLUMNS="80")
    assert done.status == 0
    assert "Examples:" in done.out
    assert f"\n    wsevents {name} " in done.out
    assert "Exit status" in done.out
    assert " --json " in done.out


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_a_usage_error(name):
    done = wsevents(name, "--nonsense")
    assert (done.status, done.out) == (2, "")
    assert f"Try 'wsevents {name} --help' for help." in done.err


def test_an_unknown_command_is_a_usage_error():
    assert wsevents("nonsense").status == 2


def test_the_version_is_that_of_the_package():
    assert wsevents("--version").out == f"wsevents, version {__version__}\n"


def test_slow_packages_are_imported_only_when_a_command_runs():
    slow = "[one for one in ('twisted', 'yaml', 'cryptography') if one in sys.modules]"
    program = f"import sys, wsevents.cli; print({slow})"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=environ(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert run.stdout == "[]\n", run.stderr


def test_completion_proposes_commands_and_options():
    assert {f"plain,{name}" for name in NAMES} <= set(complete("wsevents ", 1))
    assert "plain,--closed" in complete("wsevents sessions --", 2)


def test_completion_proposes_dialects_and_files():
    assert complete("wsevents sessions --dialect ", 3) == [
        f"plain,{name}" for name in ("innovaphone", "isymphony", "voipbin", "wazo")
    ]
    assert complete("wsevents sessions --dialect w", 3) == ["plain,wazo"]
    assert complete("wsevents check-config ", 2) == ["file,"]


def test_the_script_for_bash_is_printed():
    done = wsevents(_WSEVENTS_COMPLETE="bash_source")
    assert (done.status, "complete -o nosort -F _wsevents_completion wsevents" in done.out) == (0, True)


def test_a_closed_pipe_prints_no_traceback(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\nbus: {type: memory}\n')
    run = subprocess.Popen(
        command("check-config", file),
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run.stdout.close()
    run.stdout = None
    _, error_output = run.communicate(timeout=DEADLINE)
    assert (run.returncode, error_output) == (141, "")


def test_every_option_has_a_help_text():
    for name, each in main.commands.items():
        for option in each.params:
            assert not isinstance(option, click.Option) or option.help, (name, option.name)
