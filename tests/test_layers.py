"""The law of the house, proved by the imports: what decides cannot act.

Imports point down only: tap, then edge, then core, then values. What is in core or values cannot
reach a socket, a clock or a file, because it imports nothing that has one. A new module is
listed here, or the test says so.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = {
    "values": """
        wsevents wsevents.errors wsevents.closing wsevents.jsontext wsevents.messages wsevents.interfaces
        wsevents.settings
        """,
    "core": """
        wsevents.access wsevents.admission wsevents.audience wsevents.bucket wsevents.deadlines
        wsevents.framing wsevents.knock wsevents.publication wsevents.session wsevents.source
        wsevents.dialects.* wsevents.demo.*
        """,
    "edge": """
        wsevents.alarms wsevents.certificate wsevents.door wsevents.gateway wsevents.outbound wsevents.relay
        wsevents.roster wsevents.server wsevents.upstream
        wsevents.config wsevents.documents wsevents.endpoints wsevents.misfit wsevents.plugins wsevents.schema
        wsevents.secret
        wsevents.authenticators.* wsevents.buses.* wsevents.demo.service wsevents.web.*
        """,
    "tap": "wsevents.tap",
}
"""Lowest first. A name that ends in `.*` is a package with all that is in it and not listed itself."""

ACTORS = {"twisted", "autobahn", "txamqp", "txaio", "treq", "OpenSSL", "yaml"}
ACTORS |= {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
"""What values and core do not import: through these one can act, or ask for the time."""

STRANGERS = [{"authenticators", "buses"}, {"authenticators", "dialects"}, {"buses", "dialects"}]
"""Rooms that know nothing of each other."""

ONLY_FOR_TYPES = {("wsevents.interfaces", "twisted")}
"""What values and core may name in annotations: a bus answers with a Deferred."""


def layer_of(module):
    """Return the layer of a module, or None if nobody has listed it."""
    found = {}
    for layer, names in LAYERS.items():
        for name in names.split():
            package = name.removesuffix(".*")
            inside = name.endswith(".*") and (module == package or module.startswith(package + "."))
            if module == name or inside:
                found[len(package)] = layer
    return found[max(found)] if found else None


def room_of(module):
    """Return the part of wsevents that a module is in."""
    return module.removeprefix("wsevents.").split(".")[0]


def imports(tree, modules):
    """Yield (imported module, only for types) for everything that a module imports, at whatever depth."""
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in lazy
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in modules else node.module), id(node) in lazy


def offences(module, source, modules):
    """Return what is wrong with the imports of one module."""
    mine = layer_of(module)
    if mine is None:
        return [f"{module} belongs to no layer: list it in {Path(__file__).name}"]
    found = []
    for other, for_types in imports(ast.parse(source), modules):
        package = other.split(".")[0]
        theirs = layer_of(other)
        allowed = for_types and (module, package) in ONLY_FOR_TYPES
        if theirs and list(LAYERS).index(theirs) > list(LAYERS).index(mine):
            found.append(f"{module} ({mine}) imports {other} ({theirs})")
        if {room_of(module), room_of(other)} in STRANGERS:
            found.append(f"{module} imports {other}")
        if mine in ("values", "core") and package in ACTORS and not allowed:
            found.append(f"{module} ({mine}) imports {other}")
    return found


def sources():
    """Return the source of each module by its name."""
    files = {}
    for file in (ROOT / "wsevents").rglob("*.py"):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        files[name] = file.read_text()
    return files


SOURCES = sources()


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_imports_point_down_and_what_decides_cannot_act(module):
    assert offences(module, SOURCES[module], SOURCES) == []


def test_every_listed_module_exists():
    listed = " ".join(LAYERS.values()).split()
    assert [name for name in listed if name.removesuffix(".*") not in SOURCES] == []


def test_the_plugin_file_imports_nothing_of_wsevents():
    source = (ROOT / "twisted" / "plugins" / "wsevents_plugin.py").read_text()
    assert [name for name, _ in imports(ast.parse(source), SOURCES) if name.startswith("wsevents")] == []


@pytest.mark.parametrize("folder", ["twisted", "twisted/plugins"])
def test_the_folders_of_the_plugin_are_no_packages_of_ours(folder):
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize(
    ("module", "source", "offence"),
    [
        ("wsevents.access", "import time", "wsevents.access (core) imports time"),
        ("wsevents.access", "def f():\n    from time import time", "wsevents.access (core) imports time"),
        ("wsevents.messages", "from twisted.internet import defer", "(values) imports twisted.internet"),
        ("wsevents.access", "if TYPE_CHECKING:\n    import twisted", "(core) imports twisted"),
        ("wsevents.access", "from wsevents import tap", "(core) imports wsevents.tap (tap)"),
        ("wsevents.access", "from wsevents.relay import Relay", "(core) imports wsevents.relay (edge)"),
        (
            "wsevents.messages",
            "if TYPE_CHECKING:\n    import wsevents.access",
            "imports wsevents.access (core)",
        ),
        ("wsevents.relay", "import wsevents.tap", "(edge) imports wsevents.tap (tap)"),
        (
            "wsevents.buses.memory",
            "import wsevents.authenticators.static",
            "imports wsevents.authenticators.static",
        ),
        (
            "wsevents.dialects.new",
            "from wsevents.buses.memory import MemoryBus",
            "imports wsevents.buses.memory",
        ),
        ("wsevents.unheard_of", "", "belongs to no layer"),
    ],
)
def test_an_offence_is_found(module, source, offence):
    assert offence in " ".join(offences(module, source, SOURCES))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("wsevents.interfaces", "if TYPE_CHECKING:\n    from twisted.internet.defer import Deferred"),
        ("wsevents.access", "from zope.interface import implementer\nfrom wsevents.messages import Event"),
        ("wsevents.dialects.new", "from wsevents.dialects.wazo import WazoDialect"),
        ("wsevents.authenticators.new", "import time, twisted\nfrom wsevents.access import compile_acl"),
        ("wsevents.tap", "import wsevents.relay"),
    ],
)
def test_what_is_allowed_is_no_offence(module, source):
    assert offences(module, source, SOURCES) == []
