"""Only the folder of a dialect names it, so that a new dialect needs no change elsewhere in the gateway.

The test searches code, strings, keys, comments and file names in Python, JavaScript, HTML, CSS and YAML. The
exceptions are listed here with their reasons.
"""

import re
from pathlib import Path

import pytest

from wsevents.config.plugins import Plugins

ROOT = Path(__file__).parents[1]
DIALECTS = sorted(Plugins().dialects())
NAMES = re.compile("|".join(DIALECTS), re.IGNORECASE)

FOLDERS = {
    "wsevents/dialects/": "each dialect has its folder here",
    "wsevents/client/": "clients: each speaks one protocol",
    "wsevents/auth/": "the authenticator that asks wazo-auth",
}
"""Folders that may name dialects."""

FILES = {
    "wsevents/cli/import_wazo.py": "reads the configuration of wazo-websocketd",
    "wsevents/cli/wazo_config.py": "translates the configuration of wazo-websocketd",
    "wsevents/core/wazo_events.py": "the generic event format is that of Wazo's bus",
    "wsevents/core/wazo_publication.py": "the generic event format is that of Wazo's bus",
    "wsevents/buses/amqp/publisher.py": "publishes in the generic event format, that of Wazo's bus",
    "wsevents/__init__.py": "lists the folders",
    "wsevents/api/close_reasons.py": "says where the codes 4001-4004 come from",
}
"""Files that may name dialects."""

PHRASES = {
    r"\bcore\.wazo_(events|publication) import": (
        r"wsevents/(app/composition|cli/publish|demo/\w+|web/publish)\.py",
        "the generic event format is that of Wazo's bus",
    ),
    r"\bwazo-auth\b": (r"wsevents/(core/acl|cli/\w+)\.py", "a service that knows tokens"),
    r"\bwazo-headers\b": (r"wsevents/api/settings\.py", "an exchange of the bus"),
    r"key\(\"wazo\", \"Type of authenticator: wazo,": (
        r"wsevents/api/settings\.py",
        "a type of authenticator",
    ),
    r"auth\.type != \"wazo\"|auth\.wazo import": (
        r"wsevents/cli/token\.py",
        "a type of authenticator",
    ),
    r"\bimport[-_]wazo\b": (r"wsevents/cli/__init__\.py", "the name of a command"),
    r"\bclient\.wazo import WazoClient|\bWazoClient\b|\ba wazo-websocketd\b": (
        r"wsevents/cli/tail\.py",
        "`wsevents tail` is a client of one protocol, the one that wazo-websocketd speaks too",
    ),
}
"""Phrases that contain the name of a dialect with another meaning: the phrase, its files, and the reason."""


def sources():
    """Return the text of each file of the gateway that may not name a dialect, by its path."""
    found = {}
    for file in sorted((ROOT / "wsevents").rglob("*")):
        path = file.relative_to(ROOT).as_posix()
        if (
            file.is_file()
            and file.suffix != ".pyc"
            and not path.startswith(tuple(FOLDERS))
            and path not in FILES
        ):
            found[path] = file.read_text("utf-8")
    return found


def named(path, text):
    """Return each line of a file that names a dialect, and the path if it does."""
    for phrase, (files, _) in PHRASES.items():
        if re.fullmatch(files, path):
            text = re.sub(phrase, "", text)
    lines = [f"{path}:{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1)]
    return [line for line in [path, *lines] if NAMES.search(line.removeprefix(f"{path}:"))]


SOURCES = sources()


def test_there_is_something_to_search():
    assert {"wazo", "voipbin", "isymphony", "innovaphone"} <= set(DIALECTS)
    parts = {path.split("/")[1] for path in SOURCES}
    assert {"config", "web", "demo", "app", "connections", "admin", "cli"} <= parts
    assert {Path(path).suffix for path in SOURCES} >= {".py", ".js", ".html", ".css", ".yml"}


@pytest.mark.parametrize("path", SOURCES)
def test_no_file_outside_the_folder_of_a_dialect_names_it(path):
    assert named(path, SOURCES[path]) == []


@pytest.mark.parametrize("path", [*FOLDERS, *FILES])
def test_every_exception_names_a_dialect(path):
    place = ROOT / path
    files = list(place.rglob("*.py")) if place.is_dir() else [place]
    assert any(NAMES.search(file.read_text("utf-8")) for file in files)


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_allowed_phrase_occurs(phrase):
    files, _ = PHRASES[phrase]
    assert [path for path, text in SOURCES.items() if re.fullmatch(files, path) and re.search(phrase, text)]


@pytest.mark.parametrize(
    "text",
    [
        'DIALECT = "wazo"',
        "# as VoIPBIN has it",
        "<input id='isymphony'>",
        "dialects: {innovaphone: {}}",
        "protocols.wazo2",
        "class WazoThing: pass",
    ],
)
def test_a_name_is_found(text):
    assert named("wsevents/web/page.js", f"first\n{text}\n") == [f"wsevents/web/page.js:2: {text}"]


def test_a_phrase_is_allowed_in_its_own_files_only():
    assert named("wsevents/cli/token.py", "wazo-auth") == []
    assert named("wsevents/web/page.js", "wazo-auth") == ["wsevents/web/page.js:1: wazo-auth"]
    assert named("wsevents/dialects/wazo/page.js", "") == ["wsevents/dialects/wazo/page.js"]
