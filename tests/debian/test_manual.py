"""The manual page is well-formed and complete."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import tried

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "debian" / "wsevents.8"
TEXT = PAGE.read_text().replace("\\-", "-")


def test_mandoc_and_man_report_no_warning():
    status, said = tried("mandoc", "-T", "lint", "-W", "warning", PAGE)
    assert (status, said) == (0, "")
    shown = subprocess.run(
        ["man", "--warnings", "--local-file", PAGE],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": ""},
        capture_output=True,
        check=True,
        text=True,
    )
    assert shown.stderr == ""
    assert "telephony event gateway" in shown.stdout


def test_it_names_every_command_and_no_other():
    from wsevents.cli import main

    (section,) = re.findall(r"(?ms)^\.SH COMMANDS$(.*?)^\.SH", TEXT)
    assert set(re.findall(r"(?m)^\.TP\n\.B ([\w-]+)$", section)) == set(main.commands)


@pytest.mark.parametrize("name", ["config.yml", "conf.d/*.yml", "server.key", "secrets/"])
def test_it_names_the_files(name):
    (section,) = re.findall(r"(?ms)^\.SH FILES$(.*?)^\.SH", TEXT)
    assert name in section


def test_it_has_the_command_of_the_unit():
    start = re.search(r"(?m)^ExecStart=(.*) \S+$", (ROOT / "debian" / "wsevents.service").read_text())[1]
    assert start in TEXT.replace(".B ", "")
