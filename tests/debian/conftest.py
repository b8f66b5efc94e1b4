"""Fixtures: the package that `make deb` builds, and Debian systems to install it in."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import Debian, check, said
from wsevents import __version__

ROOT = Path(__file__).parents[2]
HIGHER = "99.0"
"""A version that is higher than any other."""


@pytest.fixture(scope="session")
def deb():
    """Build the package, with the last step in a network namespace without a network; return its file."""
    check()
    before = _changes()
    for command in (["make", "wheels"], ["unshare", "--net", "make", "deb"]):
        said(*command, cwd=ROOT)
    assert _changes() == before, "the build has changed files in the checkout"
    architecture = said("dpkg", "--print-architecture").strip()
    return ROOT / "dist" / f"wsevents_{__version__}_{architecture}.deb"


def _changes():
    """Return git's list of changed files, or "" if this is not a checkout."""
    command = ["git", "-C", ROOT, "status", "--porcelain", "--ignored=no"]
    environ = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(command, env=environ, capture_output=True, check=False, text=True).stdout


@pytest.fixture(scope="session")
def higher(deb, tmp_path_factory):
    """Return the package in a higher version: with a changed conffile, a new module and a removed one."""
    folder = tmp_path_factory.mktemp("higher")
    tree = folder / "tree"
    said("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub("(?m)^Version: .*$", f"Version: {HIGHER}", control.read_text()))
    with (tree / "etc/wsevents/config.yml").open("a") as config:
        config.write("\n# Of the higher version.\n")
    site = tree / "usr/lib/wsevents/site"
    (site / "txaio" / "aio.py").rename(site / "txaio" / "of_the_higher_version.py")
    file = folder / f"wsevents_{HIGHER}.deb"
    said("dpkg-deb", "--root-owner-group", "--build", tree, file)
    shutil.rmtree(tree)
    return file


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A Debian without the package, but with the Debian packages that it and these tests need."""
    check()
    folder = tmp_path_factory.mktemp("bare")
    debian = Debian.new(folder)
    debian.install("adduser", "procps", "python3", "libstdc++6", "systemd", "systemd-sysv", "dbus")
    debian.run("adduser", "--system", "--group", "other")  # creates the backup files of passwd(5)
    yield debian
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def clean(bare, deb, tmp_path_factory):
    """A Debian with the package; tests must not change it."""
    with bare.copied(tmp_path_factory.mktemp("clean")) as debian:
        debian.install(deb)
        yield debian


@pytest.fixture
def uninstalled(bare, tmp_path_factory):
    """A copy of the Debian without the package, for one test."""
    with bare.copied(tmp_path_factory.mktemp("uninstalled")) as debian:
        yield debian


@pytest.fixture
def debian(clean, tmp_path_factory):
    """A copy of the Debian with the package, for one test."""
    with clean.copied(tmp_path_factory.mktemp("debian")) as debian:
        yield debian
