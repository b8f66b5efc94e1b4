"""The layout, checked by the imports: folders in order, no cycles, no I/O in the code that decides.

The order of the folders is the docstring of `wsevents/__init__.py`. Imports that exist only for type
checkers count like all others.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.schedule import EMBEDDED_DEFAULT, SLOW

ROOT = Path(__file__).parents[1]

LAYOUT = ast.get_docstring(ast.parse((ROOT / "wsevents" / "__init__.py").read_text()), clean=False)
ORDER = re.findall(r"(?m)^    (\w+)/ ", LAYOUT)
"""The folders of wsevents; each imports only from those before it."""

ABOVE_ALL = {"wsevents.tap", "wsevents"}
"""The modules outside of the folders: what `twistd` runs, and the version."""

PURE_FOLDERS = {"api", "core", "dialects"}
"""Folders of code that decides."""

ACTING = {"wsevents.dialects.isymphony.authority", "wsevents.dialects.voipbin.authority"}
"""The modules of these folders that may do I/O: each asks a dialect's own authority."""

PURE_MODULES = {
    "wsevents.admin.metrics",
    "wsevents.admin.sessions",
    "wsevents.app.config_diff",
    "wsevents.app.drain",
    "wsevents.app.health",
    "wsevents.cli.table",
    "wsevents.cli.wazo_config",
    "wsevents.demo.cast",
    "wsevents.demo.story",
    "wsevents.demo.telling",
    "wsevents.endpoints.strings",
    "wsevents.logs.deduplication",
    "wsevents.logs.record",
    "wsevents.workers.balancing",
    "wsevents.workers.liveness",
    "wsevents.workers.log_record",
    "wsevents.workers.restart_delay",
    "wsevents.workers.startup_message",
}
"""Code that decides, in folders of code that acts."""

PURE_IMPORTS = {
    "__future__",
    "attrs",
    "base64",
    "bisect",
    "collections",
    "collections.abc",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "http",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "re",
    "string",
    "typing",
    "urllib.parse",
    "zlib",
    "zope.interface",
}
"""The imports of pure modules from outside wsevents. Only `datetime` has a clock; see below."""

TYPE_IMPORTS = {("random", ""), ("twisted.internet.defer", "wsevents.api.interfaces")}
"""Imports for types only that pure modules may have: the import, and the module or "" for all.

Randomness is passed in; a bus answers with a Deferred.
"""

IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__"}
"""Built-in functions that do I/O, or that hide I/O from this test."""

IMPURE_METHODS = {"now", "utcnow", "today"}
"""Methods of datetime and date that read the clock."""

LOCAL_METHODS = {"astimezone": 0, "fromtimestamp": 1}
"""Methods of datetime that read the machine's time zone if they get at most this number of arguments."""

KNOWN_CYCLES: list[set[str]] = [
    {
        "wsevents.connections.gateway_state",
        "wsevents.connections.handshake",
        "wsevents.connections.proxied",
        "wsevents.connections.session_runner",
        "wsevents.connections.websocket",
    },
]
"""Import cycles that exist today: the handshake and the peer know each other."""

SEPARATE = [{"auth", "buses"}, {"auth", "dialects"}, {"buses", "dialects"}]
"""Folders that import nothing of each other, except that an authority of a dialect may import `auth`."""


def sources():
    """Return the source of each module by its name."""
    files = {}
    for file in (ROOT / "wsevents").rglob("*.py"):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        files[name] = file.read_text()
    return files


SOURCES = sources()


def folder_of(module):
    """Return the folder of wsevents that a module is in; "" for those outside of the folders."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ORDER else ""


def is_pure(module):
    """Say whether a module must do no I/O."""
    return module in PURE_MODULES or (folder_of(module) in PURE_FOLDERS and module not in ACTING)


def imports(tree, modules):
    """Yield (imported module, only for types) for everything that a module imports, at whatever depth."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in for_types
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in modules else node.module), id(node) in for_types


def is_ours(module):
    """Say whether a module is part of wsevents."""
    return module.split(".")[0] == "wsevents"


def offences(module, source, modules):
    """Return what is wrong with the imports of one module, and with its calls if it must be pure."""
    tree = ast.parse(source)
    found = [] if module in ABOVE_ALL or folder_of(module) else [f"{module} is in no folder of the list"]
    for other, for_types in imports(tree, modules):
        if is_ours(other):
            found += misplaced(module, other)
        elif is_pure(module) and not may_import(module, other, for_types):
            found.append(f"{module} must be pure, but imports {other}")
        if is_pure(module) and is_ours(other) and not is_pure(other) and other != "wsevents":
            found.append(f"{module} must be pure, but imports {other}, which does I/O")
    if is_pure(module):
        found += [f"{module} must be pure, but uses {what}" for what in impurities(tree)]
    return found


def misplaced(module, other):
    """Yield what is wrong with where an imported module of wsevents is."""
    mine, theirs = folder_of(module), folder_of(other)
    if mine and (other == "wsevents.tap" or (theirs and ORDER.index(theirs) > ORDER.index(mine))):
        yield f"{module} imports {other}, whose folder is below"
    asks = module in ACTING and theirs == "auth"
    if {mine, theirs} in SEPARATE and not asks:
        yield f"{module} imports {other}, but {mine} and {theirs} are separate"
    if mine == theirs == "dialects" and module.split(".")[2:3] != other.split(".")[2:3]:
        yield f"{module} imports {other}, but dialects are separate"


def may_import(module, other, for_types):
    """Say whether a pure module may import a module from outside wsevents."""
    named = for_types and ((other, "") in TYPE_IMPORTS or (other, module) in TYPE_IMPORTS)
    return other in PURE_IMPORTS or named


def impurities(tree):
    """Yield what in a module does I/O, reads the clock or reads the time zone of the machine."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in IMPURE_NAMES:
                yield name
            case ast.Attribute(attr=name) if name in IMPURE_METHODS:
                yield f".{name}"
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords) if len(args) + len(
                keywords
            ) <= LOCAL_METHODS.get(name, -1):
                yield f".{name} without a time zone"


def cycles(graph):
    """Return each set of modules that import each other (Tarjan's strongly connected components)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            component = set(stack[at:])
            del stack[at:]
            if len(component) > 1:
                found.append(component)

    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def graph_of(modules):
    """Return which modules of wsevents each module imports."""
    graph = defaultdict(set)
    for module, source in modules.items():
        graph[module] = {name for name, _ in imports(ast.parse(source), modules) if name in modules} - {
            module
        }
    return graph


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_a_module_imports_only_what_its_folder_may(module):
    assert offences(module, SOURCES[module], SOURCES) == []


def test_the_only_import_cycles_are_the_known_ones():
    found = cycles(graph_of(SOURCES))
    assert sorted(map(sorted, found)) == sorted(map(sorted, KNOWN_CYCLES))


def test_a_cycle_is_found():
    modules = {
        "wsevents.a": "from wsevents.b import x",
        "wsevents.b": "if TYPE_CHECKING:\n    import wsevents.c",
        "wsevents.c": "def f():\n    from wsevents import a",
        "wsevents.d": "import wsevents.a",
    }
    assert cycles(graph_of(modules)) == [{"wsevents.a", "wsevents.b", "wsevents.c"}]


def test_the_order_names_every_folder_and_no_other():
    folders = {folder.name for folder in (ROOT / "wsevents").iterdir() if (folder / "__init__.py").exists()}
    assert sorted(ORDER) == sorted(folders)


def test_only_the_package_and_what_twistd_runs_are_outside_of_the_folders():
    outside = {file.name for file in (ROOT / "wsevents").iterdir() if file.is_file()}
    assert outside == {"__init__.py", "tap.py", "py.typed"}


def test_every_listed_module_exists():
    assert sorted((PURE_MODULES | ACTING) - SOURCES.keys()) == []


def test_every_allowed_import_is_used():
    used = defaultdict(set)
    for module, source in SOURCES.items():
        if is_pure(module):
            for other, _ in imports(ast.parse(source), SOURCES):
                used[other].add(module)
    allowed = PURE_IMPORTS | {other for other, _ in TYPE_IMPORTS}
    assert sorted(allowed - used.keys()) == []


def test_the_folders_of_unit_tests_mirror_those_of_the_modules():
    lost = []
    for folder in ORDER:
        for file in (ROOT / "tests" / folder).rglob("test_*.py"):
            parts = file.relative_to(ROOT / "tests").with_suffix("").parts
            module = ".".join(("wsevents", *parts[:-1], parts[-1].removeprefix("test_")))
            if module not in SOURCES and module not in TOPICS:
                lost.append(str(file.relative_to(ROOT)))
    assert lost == []


TOPICS = {
    "wsevents.cli.documentation": "the examples of docs/commands.md",
    "wsevents.cli.main": "the command as a whole",
    "wsevents.cli.with_a_gateway": "commands that ask a running gateway",
    "wsevents.dialects.dialects": "what every dialect has in its folder",
    "wsevents.dialects.innovaphone.events": "from the bus to an app, through several modules",
    "wsevents.dialects.innovaphone.peer": "apps at the real server",
    "wsevents.dialects.isymphony.visibility": "who may see what, through several modules",
    "wsevents.dialects.wazo.visibility": "who may see what, through several modules",
}
"""Unit tests of several modules, by the module name of their file, with their topics."""


def test_every_file_of_the_test_schedule_exists():
    assert [path for path in (*EMBEDDED_DEFAULT, *SLOW) if not (ROOT / path).exists()] == []


def test_every_topic_has_its_file():
    for name in TOPICS:
        *folders, topic = name.split(".")[1:]
        assert (ROOT / "tests").joinpath(*folders, f"test_{topic}.py").exists(), name


def test_the_plugin_file_imports_nothing_of_wsevents():
    source = (ROOT / "twisted" / "plugins" / "wsevents_plugin.py").read_text()
    assert [name for name, _ in imports(ast.parse(source), SOURCES) if is_ours(name)] == []


@pytest.mark.parametrize("folder", ["twisted", "twisted/plugins"])
def test_the_folders_of_the_plugin_are_no_packages_of_ours(folder):
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize(
    ("module", "source", "offence"),
    [
        ("wsevents.core.acl", "import time", "must be pure, but imports time"),
        ("wsevents.core.acl", "def f():\n    from time import time", "must be pure, but imports time"),
        ("wsevents.core.acl", "import sqlite3", "imports sqlite3"),
        ("wsevents.core.acl", "from urllib import request", "imports urllib"),
        ("wsevents.core.acl", "import urllib.request", "imports urllib.request"),
        ("wsevents.core.acl", "from random import Random", "imports random"),
        ("wsevents.api.events", "from twisted.internet import defer", "imports twisted.internet"),
        ("wsevents.core.acl", "if TYPE_CHECKING:\n    import twisted", "imports twisted"),
        ("wsevents.core.acl", "if TYPE_CHECKING:\n    import twisted.internet.defer", "imports twisted"),
        ("wsevents.api.events", "open('/etc/passwd')", "uses open"),
        ("wsevents.core.acl", "read = open", "uses open"),
        ("wsevents.core.acl", "def f():\n    print(input())", "uses input"),
        ("wsevents.core.acl", "exec('import time')", "uses exec"),
        ("wsevents.core.acl", "eval('1')", "uses eval"),
        ("wsevents.core.acl", "__import__('time')", "uses __import__"),
        ("wsevents.admin.metrics", "datetime.now(UTC)", "uses .now"),
        ("wsevents.dialects.wazo.session", "clock = datetime.utcnow", "uses .utcnow"),
        ("wsevents.core.wazo_publication", "date.today()", "uses .today"),
        ("wsevents.core.wazo_publication", "when.astimezone()", "uses .astimezone without a time zone"),
        ("wsevents.core.wazo_publication", "datetime.fromtimestamp(0)", "uses .fromtimestamp without"),
        ("wsevents.core.acl", "from wsevents import tap", "imports wsevents.tap, whose folder is below"),
        ("wsevents.core.acl", "import wsevents.delivery.relay", "whose folder is below"),
        ("wsevents.api.events", "if TYPE_CHECKING:\n    import wsevents.core.acl", "whose folder is below"),
        ("wsevents.delivery.relay", "import wsevents.app.gateway", "whose folder is below"),
        ("wsevents.app.drain", "import wsevents.app.gateway", "which does I/O"),
        ("wsevents.auth.new", "import wsevents.buses.memory", "are separate"),
        ("wsevents.dialects.new", "from wsevents.buses.memory import MemoryBus", "are separate"),
        ("wsevents.dialects.new.session", "import wsevents.auth.static", "are separate"),
        ("wsevents.dialects.new.session", "import wsevents.dialects.wazo.interest", "dialects are separate"),
        ("wsevents.unheard_of", "", "is in no folder of the list"),
        ("wsevents.unheard.of", "", "is in no folder of the list"),
    ],
)
def test_a_violation_is_found(module, source, offence):
    assert offence in " ".join(offences(module, source, {**SOURCES, module: source}))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wsevents.api.interfaces", "if TYPE_CHECKING:\n    from twisted.internet.defer import Deferred"),
        ("wsevents.core.acl", "if TYPE_CHECKING:\n    from random import Random"),
        ("wsevents.core.acl", "def f(now):\n    return now\nre.compile('x')"),
        ("wsevents.core.wazo_events", "when.astimezone(UTC); datetime.fromtimestamp(0, tz=UTC)"),
        (
            "wsevents.core.acl",
            "from zope.interface import implementer\nfrom wsevents.api.events import Event",
        ),
        ("wsevents.dialects.wazo.new", "from wsevents.dialects.wazo.interest import interest"),
        ("wsevents.dialects.voipbin.authority", "import time, twisted\nimport wsevents.auth.http_client"),
        ("wsevents.auth.new", "import time, twisted\nfrom wsevents.core.acl import compile_acl\nopen('x')"),
        ("wsevents.tap", "import wsevents.cli.tail"),
    ],
)
def test_an_allowed_import_is_not_a_violation(module, source):
    assert offences(module, source, {**SOURCES, module: source}) == []
