"""Check names that mypy does not check: entry points, modules in strings and texts, `python -m` commands.

Each dotted name in code, texts and configuration must belong to an existing module or to an object in one.
"""

import ast
import configparser
import re
import runpy
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
from zope.interface import Interface
from zope.interface.verify import verifyClass

from wsevents.config.plugins import KINDS, Plugins

ROOT = Path(__file__).parents[1]
OURS = ("wsevents", "docs", "bench")
"""Packages of the repository."""
GROUPS = {kind.group for kind in KINDS.values()}

NAME = re.compile(r"(?<![\w/.@-])wsevents(?:\.[A-Za-z_]\w*)+")
PATH = re.compile(r"(?<![\w/.-])wsevents/[\w/]+\.(?:py|js|html|css|yml)\b")
COMMAND = re.compile(r"(?<![\w-])python[\d.]* (?:-\w+ )*-m ([\w.]*\w)")

FILES_OF_OPERATORS = {"wsevents.sock"}
"""Names that look like modules but belong to an operator's files."""


def texts():
    """Return each text to check, by its path. Tests are not checked, because they use invented names."""
    places = ["wsevents", "twisted", "docs", "bench", "contrib", "debian", "etc", ".ci"]
    files = [file for place in places for file in (ROOT / place).rglob("*")]
    files += [*ROOT.glob("*.md"), *ROOT.glob("*.cfg"), *ROOT.glob("*.toml"), ROOT / "Makefile"]
    found = {}
    for file in sorted(files):
        if file.is_file() and file.suffix not in {".pyc", ".cache"}:
            found[file.relative_to(ROOT).as_posix()] = file.read_text("utf-8").replace("\\-", "-")
    return found


TEXTS = texts()
FILE_NAMES = [Path(path).name for path in TEXTS]


@cache
def exists(name):
    """Return whether a dotted name is a module, or an object in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module, rest = ".".join(parts[:count]), parts[count:]
        if is_module(module):
            return not rest or has(import_module(module), rest)
    return False


def is_module(name):
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None  # otherwise it is a folder without modules


def has(thing, path):
    for step in path:
        if attrs.has(thing) and step in attrs.fields_dict(thing):
            return True
        if not hasattr(thing, step):
            return False
        thing = getattr(thing, step)
    return True


def is_file(name):
    """Return whether a name is the beginning of a file name, such as `wsevents.service`."""
    return name in FILES_OF_OPERATORS or any(file.startswith(name) for file in FILE_NAMES)


def unknown_names(text):
    """Return the dotted names in a text that do not exist."""
    names = dict.fromkeys(NAME.findall(text))
    return [name for name in names if not (name in GROUPS or is_file(name) or exists(name))]


def runs(module):
    """Return whether `python -m` can run one of our modules."""
    spec = find_spec(module) if is_module(module) else None
    if spec is not None and spec.submodule_search_locations is not None:
        return is_module(f"{module}.__main__")
    return spec is not None and 'if __name__ == "__main__":' in Path(spec.origin).read_text("utf-8")


# -- entry points and the plug-in of twistd


def points():
    """Return group, name and value of each entry point of the package."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for group, lines in setup["options.entry_points"].items():
        for line in lines.strip().splitlines():
            name, _, value = line.partition(" = ")
            yield group, name, value


POINTS = list(points())


@pytest.mark.parametrize(("group", "name", "value"), POINTS)
def test_every_entry_point_provides_the_interface_of_its_group(group, name, value):
    module, _, attribute = value.partition(":")
    found = getattr(import_module(module), attribute)
    if group == "console_scripts":
        assert callable(found)
        return
    ((what, kind),) = [(what, kind) for what, kind in KINDS.items() if kind.group == group]
    assert kind.interfaces
    for interface in kind.interfaces:
        assert issubclass(interface, Interface) or interface.extends(Interface)
        assert verifyClass(interface, found)
    assert getattr(Plugins(), what)(name) is found


def test_every_group_has_an_entry_point():
    assert {group for group, *_ in POINTS} == GROUPS | {"console_scripts"}


def test_the_module_that_twistd_loads_makes_a_service():
    made = runpy.run_path(str(ROOT / "twisted" / "plugins" / "wsevents_plugin.py"))["wsevents"]
    module = import_module(made.module)
    assert callable(module.makeService)
    assert callable(module.Options)
    assert made.tapname == "wsevents"


# -- names in texts


@pytest.mark.parametrize("path", [path for path, text in TEXTS.items() if NAME.search(text)])
def test_every_dotted_name_exists(path):
    assert unknown_names(TEXTS[path]) == []


@pytest.mark.parametrize("path", [path for path, text in TEXTS.items() if PATH.search(text)])
def test_every_path_of_a_module_exists(path):
    assert [each for each in PATH.findall(TEXTS[path]) if not (ROOT / each).is_file()] == []


def test_every_rule_of_the_tools_matches_a_module():
    patterns = re.findall(r'(?m)^"([\w/*.]+)" = \[', TEXTS["pyproject.toml"])
    assert patterns
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


def test_names_are_found_in_text():
    places = ("wsevents/", "docs/", "debian/bin/", "contrib/", "etc/", "README.md", "CONTRIBUTING.md")
    assert all(any(path.startswith(place) for path in TEXTS) for place in places)
    with_names = {path for path, text in TEXTS.items() if NAME.search(text)}
    assert {
        "docs/operating/log-messages.md",
        "debian/bin/certificate",
        "setup.cfg",
        "CHANGELOG.md",
    } <= with_names


@pytest.mark.parametrize(
    "text",
    [
        "`wsevents.nothing`",
        "wsevents.app.gateway.Nothing",
        '"who": "wsevents.logs.nothing.Thing"',
        "wsevents.tap.x",
    ],
)
def test_an_unknown_name_is_found(text):
    assert unknown_names(text)


@pytest.mark.parametrize(
    "text",
    [
        "wsevents.app.gateway.Gateway",
        "wsevents.api.settings.Config.listen",
        "systemctl edit wsevents.service",
        "of `wsevents.authorities`.",
    ],
)
def test_a_known_name_is_accepted(text):
    assert unknown_names(text) == []


# -- what starts a module


def commands():
    """Return the path and the module of each `python -m …` of ours that a text shows."""
    for path, text in TEXTS.items():
        for module in COMMAND.findall(text):
            if module.split(".")[0] in OURS:
                yield path, module


@pytest.mark.parametrize(("path", "module"), sorted(set(commands())))
def test_every_module_that_a_text_starts_can_be_started(path, module):
    assert runs(module)


def started():
    """Return the path and the module of each `"-m", MODULE` in a list of arguments in our code."""
    for path, text in TEXTS.items():
        if path.startswith("wsevents/") and path.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.List | ast.Tuple):
                    yield from ((path, module) for module in after_m(path, node.elts))


def after_m(path, words):
    for word, after in pairwise(words):
        if isinstance(word, ast.Constant) and word.value == "-m":
            name = path.removesuffix(".py").replace("/", ".")
            yield after.value if isinstance(after, ast.Constant) else getattr(import_module(name), after.id)


STARTED = list(started())


def test_the_gateway_starts_its_workers():
    assert [path for path, _ in STARTED if path.startswith("wsevents/workers/")]


@pytest.mark.parametrize(("path", "module"), STARTED)
def test_every_module_that_the_gateway_starts_can_be_started(path, module):
    assert runs(module)


@pytest.mark.parametrize("module", ["wsevents.nothing", "wsevents.app.gateway", "wsevents.workers"])
def test_a_module_that_does_nothing_cannot_be_started(module):
    assert not runs(module)


# -- scripts that no package has


SCRIPTS = sorted((ROOT / "debian" / "bin").iterdir())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_import_of_a_script_of_the_package_exists(script):
    imported = [node for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in imported for alias in node.names]
    assert any(name.startswith(("wsevents.", "twisted.")) for name in names)
    assert [name for name in names if not exists(name)] == []


# -- fields of log messages

LEVELS = {"debug", "info", "warn", "error", "critical", "failure"}
FIELD = re.compile(r"(?<!\{)\{(\w+)")


def incomplete_messages(text):
    """Return each log message of a module that names a field which its call does not give."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
        ):
            continue
        given = {keyword.arg for keyword in node.keywords} | {"log_namespace", "log_failure"}
        message = node.args[0] if node.args else None
        if isinstance(message, ast.Constant) and isinstance(message.value, str) and None not in given:
            found += [f"{node.lineno}: {name}" for name in FIELD.findall(message.value) if name not in given]
    return found


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if path.startswith("wsevents/") and path.endswith(".py")]
)
def test_every_field_of_a_log_message_is_given(path):
    assert incomplete_messages(TEXTS[path]) == []


def test_a_field_that_is_not_given_is_found():
    assert incomplete_messages('log.warn("{a} of {b:d}", a=1)') == ["1: b"]
    assert incomplete_messages('log.warn("{a}", a=1)\nlog.failure("x {c}", failure)') == ["2: c"]
    assert incomplete_messages('log.info("{a}", **fields)') == []


# -- names in docstrings


def unknown_attributes(text):
    """Return each name under `Attributes:` in the docstring of a class that the class does not have."""
    found = []
    for node in ast.walk(ast.parse(text)):
        doc = (ast.get_docstring(node) or "") if isinstance(node, ast.ClassDef) else ""
        section = re.search(r"(?ms)^Attributes:\n((?:    .*?\n|\n)+)", f"{doc}\n")
        if section:
            own = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            own |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
            own |= {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
            listed = re.findall(r"(?m)^    (\w+(?:, \w+)*):", section[1])
            found += [
                f"{node.name}.{name}" for names in listed for name in names.split(", ") if name not in own
            ]
    return found


MODULES = [path for path in TEXTS if path.startswith("wsevents/") and path.endswith(".py")]


@pytest.mark.parametrize("path", MODULES)
def test_every_attribute_in_a_docstring_is_one(path):
    assert unknown_attributes(TEXTS[path]) == []


def test_an_attribute_that_is_none_is_found():
    doc = "A.\n\n    Attributes:\n        a, b: two.\n        c: one.\n    "
    text = f'class A:\n    """{doc}"""\n\n    a: int\n    c = 1\n'
    assert unknown_attributes(text) == ["A.b"]
