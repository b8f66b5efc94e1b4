"""The requirements of the package have compatible bounds and documented reasons."""

import configparser
import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
SECTIONS = [SETUP["options"]["install_requires"], *dict(SETUP["options.extras_require"]).values()]
REQUIRED = [Requirement(line) for section in SECTIONS for line in section.split("\n") if line]
PAGE = (ROOT / "docs" / "decisions" / "0006-dependencies.md").read_text()
ROWS = dict(re.findall(r"(?m)^\| ([\w.-]+) \| (.+) \|$", PAGE))
"""The rows of the page by package: purpose, reason, maintainer."""


def lowest(requirement):
    """Return the lower bound of a requirement."""
    (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return bound


def series(text):
    return text.split(".")[:2]


def installed(requirement):
    """Return the version that is installed here: `make test` installs every extra."""
    return version(requirement.name)


BOUNDS = {canonicalize_name(one.name): lowest(one) for one in REQUIRED}


def pairs():
    """Return the pairs of a requirement and its own requirement of another one, as far as known.

    The metadata of the installed version applies to the lower bound if both belong to one series.
    """
    return [
        (one, wanted)
        for one in REQUIRED
        if series(installed(one)) == series(lowest(one))
        for wanted in map(Requirement, requires(one.name) or [])
        if canonicalize_name(wanted.name) in BOUNDS
        and (wanted.marker is None or wanted.marker.evaluate({"extra": ""}))
    ]


def test_there_is_something_to_compare():
    assert {one.name for one, _ in pairs()} >= {"autobahn", "treq"}


@pytest.mark.parametrize(("one", "wanted"), pairs(), ids=str)
def test_no_requirement_rules_out_the_lower_bound_of_another(one, wanted):
    bound = BOUNDS[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(bound), f"{one} wants {wanted}; the lower bound here is {bound}"


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_the_lower_bound_is_not_newer_than_the_installed_version(one):
    assert one.specifier.contains(installed(one))


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_each_requirement_has_a_row(one):
    assert one.name in ROWS
    use, reason, policy = ROWS[one.name].split(" | ")
    assert all(text.strip() for text in (use, reason, policy))


def test_each_row_is_a_requirement():
    assert {name for name in ROWS if name != "package"} == {one.name for one in REQUIRED}


def test_the_package_names_its_authors_and_no_invented_address():
    assert SETUP["metadata"]["author"] == "The wsevents authors"
    assert not {"url", "project_urls", "author_email", "download_url"} & set(SETUP["metadata"])
