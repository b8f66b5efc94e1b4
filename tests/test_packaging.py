"""The wheel works in a clean environment and contains the needed files and no others."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

import attrs
import pytest
import yaml

from tests.support.gateway_process import GatewayProcess, standalone
from tests.support.websocket_client import trusting
from wsevents.config.plugins import Plugins, read_file

ROOT = Path(__file__).parents[1]
LIMIT = 600
"""Timeout of one step, in seconds; a download may be slow."""

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
PACKAGES = SETUP["options"]["packages"].split()
DIALECTS = Plugins().dialects()
CODE = {".py", ".pyc"}


def run(*command, cwd):
    """Run a command without variables of this environment; return its output."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environ,
        timeout=LIMIT,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources that also has generated files of a used checkout."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("wsevents", "twisted", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "twisted" / "plugins" / "dropin.cache").write_bytes(b"stale")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder / "dist", ".", cwd=folder)
    (built,) = (folder / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel with its requirements into a new environment; return the folder."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    run(*pip_for(folder), "install", "--no-compile", wheel, cwd=folder)  # most of it is never imported
    return folder


def pip_for(environment):
    """Return the command of the pip of the tests for another environment, which needs none of its own."""
    python = environment / "bin" / "python"
    return sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python


def files(wheel):
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_contains_all_needed_files_and_no_others(wheel):
    expected = {"twisted/plugins/wsevents_plugin.py"} | {
        str(file.relative_to(ROOT))
        for file in (ROOT / "wsevents").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert files(wheel) == expected


def test_the_wheel_contains_the_page_and_the_embedded_default(wheel):
    assert {"wsevents/web/index.html", "wsevents/demo/config.yml", "wsevents/py.typed"} <= files(wheel)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_wheel_contains_the_files_that_a_dialect_names(wheel, name):
    mine = (DIALECTS[name].page, DIALECTS[name].demo)
    assert {f"{file.package.replace('.', '/')}/{file.name}" for file in mine} <= files(wheel)


def test_setup_cfg_lists_all_data_files():
    data = dict(SETUP["options.package_data"].items())
    everywhere = data.pop("*").replace(",", " ").split()
    listed = set()
    for package in PACKAGES:
        for pattern in data.pop(package, "").replace(",", " ").split() + everywhere:
            found = list((ROOT / package.replace(".", "/")).glob(pattern))
            assert found or pattern in everywhere, f"{package} = {pattern}: no such file"
            listed |= set(found)
    assert data == {}, "only packages may have data files"
    there = {file for file in (ROOT / "wsevents").rglob("*") if file.is_file() and file.suffix not in CODE}
    assert listed == there


def test_a_clean_environment_serves_the_page_with_every_dialect(installed, tmp_path):
    parts = {name: yaml.safe_load(read_file(dialect.demo)) for name, dialect in DIALECTS.items()}
    text = f"{standalone(tmp_path)}\ndialects: {json.dumps(parts)}\n"
    with GatewayProcess(tmp_path, text, twistd=[installed / "bin" / "twistd"]) as gateway:
        gateway.ready()
        url = f"https://localhost:{gateway.port}/"
        with urlopen(url, timeout=LIMIT, context=trusting()) as answer:
            page = answer.read().decode()
    for dialect in DIALECTS.values():
        assert read_file(dialect.page) in page


def test_a_clean_environment_has_an_embedded_default_with_every_dialect(installed, tmp_path):
    program = """
        import sys
        from pathlib import Path
        from wsevents.endpoints.self_signed import ensure_certificate
        from wsevents.demo.document import embedded
        from wsevents.demo.greeting import greeting
        from wsevents.config.plugins import Plugins
        state = Path(sys.argv[1])
        ensure_certificate(state)
        config = embedded(state, Plugins(), {})
        assert greeting(config, Plugins().dialects(), 9502, 0.0)
        print(*config.dialects)
        """
    python = installed / "bin" / "python"
    said = run(python, "-W", "error", "-c", re.sub("(?m)^ {8}", "", program), tmp_path, cwd=installed)
    assert set(said.split()) == set(DIALECTS)


def test_twistd_of_a_clean_environment_knows_wsevents(installed):
    assert re.search(
        r"(?m)^ *wsevents +Telephony events", run(installed / "bin" / "twistd", "--help", cwd=installed)
    )


def test_twistd_of_a_clean_environment_explains_wsevents(installed):
    assert "--config" in run(installed / "bin" / "twistd", "wsevents", "--help", cwd=installed)


def test_a_clean_environment_has_the_command(installed):
    assert "check-config" in run(installed / "bin" / "wsevents", "--help", cwd=installed)


def test_a_clean_environment_has_every_plugin_and_each_can_be_used(installed):
    program = """
        from importlib.metadata import entry_points
        from wsevents.config.plugins import KINDS, Plugins
        for what, kind in KINDS.items():
            for point in entry_points(group=kind.group):
                print(getattr(Plugins(), what)(point.name).__name__)
        """
    python = installed / "bin" / "python"
    found = run(python, "-W", "error", "-c", re.sub("(?m)^ {8}", "", program), cwd=installed).split()
    assert len(found) == sum(
        len(lines.split("\n")) - 1
        for group, lines in SETUP["options.entry_points"].items()
        if group != "console_scripts"
    )


def test_the_requirements_of_the_package_are_compatible(installed):
    assert "No broken requirements" in run(*pip_for(installed), "check", cwd=installed)


def test_every_package_is_listed():
    there = {
        ".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "wsevents").rglob("__init__.py")
    } | {"twisted.plugins"}
    assert set(PACKAGES) == there


def test_every_folder_with_modules_is_a_package():
    for file in (ROOT / "wsevents").rglob("*.py"):
        assert (file.parent / "__init__.py").exists(), file


def test_every_built_in_plugin_has_an_entry_point():
    found = Plugins()
    for group, find in [
        ("wsevents.dialects", found.dialect),
        ("wsevents.buses", found.bus),
        ("wsevents.auth", found.authenticator),
        ("wsevents.authorities", found.authority),
    ]:
        for line in SETUP["options.entry_points"][group].split("\n")[1:]:
            name, _, value = line.partition(" = ")
            assert find(name).__name__ == value.partition(":")[2]
            assert group == "wsevents.authorities" or attrs.has(find(name).settings)
