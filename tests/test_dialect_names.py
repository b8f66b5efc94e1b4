"""Adding a dialect touches no other file than its own folder: no other file of the gateway names a dialect.

Code, strings, keys, comments and file names are searched, in Python, JavaScript, HTML, CSS and YAML. What may
have the name of a dialect is listed here, with the reason.
"""

import re
from pathlib import Path

import pytest

from wsevents.plugins import Plugins

ROOT = Path(__file__).parents[1]
DIALECTS = sorted(Plugins().dialects())
NAMES = re.compile("|".join(DIALECTS), re.IGNORECASE)

FOLDERS = {
    "wsevents/dialects/": "each dialect has its folder here",
    "wsevents/client/": "clients: each speaks one protocol",
    "wsevents/authenticators/": "the authenticator that asks wazo-auth",
}
"""Folders that may name dialects."""

FILES = {
    "wsevents/commands/import_wazo.py": "reads the configuration of wazo-websocketd",
    "wsevents/commands/translation.py": "translates the configuration of wazo-websocketd",
    "wsevents/source.py": "the generic event format is that of Wazo's bus",
    "wsevents/publication.py": "the generic event format is that of Wazo's bus",
    "wsevents/buses/amqp/publisher.py": "publishes in the generic event format, that of Wazo's bus",
    "wsevents/closing.py": "says where the codes 4001-4004 come from",
}
"""Files that may name dialects."""

PHRASES = {
    r"\bwazo-auth\b": (r"wsevents/(access|commands/\w+)\.py", "a service that knows tokens"),
    r"\bwazo-headers\b": (r"wsevents/settings\.py", "an exchange of the bus"),
    r"key\(\"wazo\", \"Kind of authenticator: wazo,": (r"wsevents/settings\.py", "a type of authenticator"),
    r"auth\.type != \"wazo\"|authenticators\.wazo import": (
        r"wsevents/commands/token\.py",
        "a type of authenticator",
    ),
    r"\bimport[-_]wazo\b": (r"wsevents/commands/__init__\.py", "the name of a command"),
    r"\bclient\.wazo import WazoClient|\bWazoClient\b|\ba wazo-websocketd\b": (
        r"wsevents/commands/tail\.py",
        "`wsevents tail` is a client of one protocol, the one that wazo-websocketd speaks too",
    ),
    r"dialects\.isymphony\.scrypt import": (
        r"wsevents/commands/hash_password\.py",
        "password hashes stand in the folder of the only dialect that has them, until they move to the core",
    ),
}
"""What has the name of a dialect and is none: a phrase, the files that have it, and the reason."""


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
    assert {"configuration", "web", "demo", "lifecycle", "entrance", "operations", "commands"} <= parts
    assert {Path(path).suffix for path in SOURCES} >= {".py", ".js", ".html", ".css", ".yml"}


@pytest.mark.parametrize("path", SOURCES)
def test_no_file_outside_the_folder_of_a_dialect_names_it(path):
    assert named(path, SOURCES[path]) == []


@pytest.mark.parametrize("path", [*FOLDERS, *FILES])
def test_whatever_may_name_a_dialect_does(path):
    place = ROOT / path
    files = list(place.rglob("*.py")) if place.is_dir() else [place]
    assert any(NAMES.search(file.read_text("utf-8")) for file in files)


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_that_is_allowed_is_somewhere(phrase):
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
    assert named("wsevents/commands/token.py", "wazo-auth") == []
    assert named("wsevents/web/page.js", "wazo-auth") == ["wsevents/web/page.js:1: wazo-auth"]
    assert named("wsevents/web/wazo.js", "") == ["wsevents/web/wazo.js"]
