"""The lock file has all requirements of setup.cfg in allowed versions, and each has a licence."""

import configparser
import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
REQUIRED = [Requirement(line) for line in SETUP["options"]["install_requires"].split("\n") if line]
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = dict(re.findall(r"(?m)^([\w.-]+)==([^ ]+) ", LOCK))
BOOKWORM = default_environment() | {"python_version": "3.11", "python_full_version": "3.11.2", "extra": ""}
"""The environment for markers of requirements: the Python of Debian 12."""
REMEDY = "run `make lock`"


def closure():
    """Return the names of all direct and indirect requirements, from the installed metadata."""
    found, left = set(), [canonicalize_name(one.name) for one in REQUIRED]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            wanted = map(Requirement, requires(name) or [])
            left += [canonicalize_name(one.name) for one in wanted if _counts(one)]
    return found


def _counts(requirement):
    return requirement.marker is None or requirement.marker.evaluate(BOOKWORM)


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_each_requirement_of_setup_cfg_is_locked_in_an_allowed_version(one):
    name = canonicalize_name(one.name)
    assert name in PINNED, REMEDY
    assert one.specifier.contains(PINNED[name]), REMEDY


def test_the_lock_file_has_exactly_the_requirements():
    assert set(PINNED) == closure(), REMEDY


def test_each_entry_has_a_version_and_hashes_and_nothing_else():
    for entry in re.split(r"(?m)^(?=\S)", re.sub(r"(?m)^#.*\n", "", LOCK))[1:]:
        assert re.fullmatch(r"[\w.-]+==\S+ (\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n", entry), entry


def test_it_names_no_registry():
    assert "//" not in LOCK
    assert "--find-links" not in LOCK


@pytest.mark.parametrize("name", sorted(PINNED))
def test_the_licence_of_each_is_in_the_copyright_file(name):
    text = (ROOT / "debian" / "copyright").read_text()
    folders = re.findall(r"usr/lib/wsevents/site/([\w.]+)-\*", text)
    assert name in map(canonicalize_name, folders)


def test_the_copyright_file_has_the_text_of_each_licence():
    text = (ROOT / "debian" / "copyright").read_text()
    used = {
        name for line in re.findall(r"(?m)^License: (.*)$", text) for name in re.split(" and | or ", line)
    }
    assert used == set(re.findall(r"(?m)^License: ([\w.-]+)\n ", text))
