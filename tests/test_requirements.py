"""What the package requires: bounds that can hold together, and a reason for each."""

import configparser
import re
from importlib.metadata import PackageNotFoundError, requires, version
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
"""Package -> what the page says of it: what for, why it, kept by."""


def lowest(requirement):
    """Return the lower bound of a requirement."""
    (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return bound


def series(text):
    return text.split(".")[:2]


def installed(requirement):
    """Return the version that is installed here; none, when nobody has asked for this extra."""
    try:
        return version(requirement.name)
    except PackageNotFoundError:
        return None


BOUNDS = {canonicalize_name(one.name): lowest(one) for one in REQUIRED}


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_no_requirement_rules_out_the_lower_bound_of_another(one):
    if series(installed(one) or "") != series(lowest(one)):
        return  # what the versions of its lower bound wanted cannot be read here
    for wanted in map(Requirement, requires(one.name) or []):
        bound = BOUNDS.get(canonicalize_name(wanted.name))
        if bound and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            assert wanted.specifier.contains(bound), f"{one} wants {wanted}; the lower bound here is {bound}"


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_the_lower_bound_is_of_a_version_that_can_have_been_tried(one):
    assert installed(one) is None or one.specifier.contains(installed(one))


@pytest.mark.parametrize("one", REQUIRED, ids=str)
def test_each_requirement_is_decided_about(one):
    assert one.name in ROWS
    use, reason, keeper = ROWS[one.name].split(" | ")
    assert all(text.strip() for text in (use, reason, keeper))


def test_nothing_is_decided_about_that_is_not_required():
    assert {name for name in ROWS if name != "package"} == {one.name for one in REQUIRED}


def test_the_package_says_who_it_is_from_and_invents_no_address():
    assert SETUP["metadata"]["author"] == "The wsevents authors"
    assert not {"url", "project_urls", "author_email", "download_url"} & set(SETUP["metadata"])
