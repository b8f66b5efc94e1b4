"""The law of the house, proved by the imports: what decides cannot act.

Imports point down only: tap, then edge, then core, then values. What is in core or values cannot
reach a socket, a clock or a file: of what is not wsevents it imports only what is listed in `PURE`,
and it uses no built-in function that acts. A new module is listed here, or the test says so.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = {
    "values": """
        wsevents wsevents.allowance wsevents.closing wsevents.errors wsevents.interfaces wsevents.jsontext
        wsevents.messages wsevents.settings
        wsevents.lifecycle.condition wsevents.workers.brief
        """,
    "core": """
        wsevents.access wsevents.audience wsevents.backlog wsevents.bucket wsevents.conversation
        wsevents.deadlines wsevents.endpointtext wsevents.framing wsevents.histogram wsevents.ledger
        wsevents.publication wsevents.session wsevents.source
        wsevents.client.backoff wsevents.codec.*
        wsevents.commands.table wsevents.commands.translation wsevents.demo.* wsevents.dialects.*
        wsevents.entrance.admission wsevents.entrance.forwarded wsevents.entrance.knock
        wsevents.entrance.origin wsevents.entrance.proxy
        wsevents.lifecycle.drain wsevents.lifecycle.renewal wsevents.log.fold wsevents.log.line
        wsevents.operations.metrics wsevents.operations.sessions
        wsevents.workers.balance wsevents.workers.logline wsevents.workers.restart wsevents.workers.vigil
        """,
    "edge": """
        wsevents.alarms wsevents.blame wsevents.certificate wsevents.compression wsevents.endpoints
        wsevents.gateway wsevents.house wsevents.keepalive wsevents.kernel wsevents.mute wsevents.outbound
        wsevents.plugins wsevents.relay wsevents.roster wsevents.runner wsevents.server wsevents.tls_client
        wsevents.upstream wsevents.validity wsevents.writethrough
        wsevents.authenticators.* wsevents.buses.* wsevents.client.*
        wsevents.configuration.* wsevents.demo.document wsevents.demo.service
        wsevents.dialects.isymphony.authority wsevents.dialects.voipbin.authority
        wsevents.entrance.* wsevents.lifecycle.* wsevents.log.* wsevents.operations.* wsevents.web.*
        wsevents.workers.*
        """,
    "tap": "wsevents.tap wsevents.assembly wsevents.commands.* wsevents.workers.main",
}
"""Lowest first. A name that ends in `.*` is a package with all that is in it and not listed itself."""

PURE = {
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
"""All that values and core import from outside wsevents. Only `datetime` has a clock; see below."""

ONLY_FOR_TYPES = {("random", ""), ("twisted.internet.defer", "wsevents.interfaces")}
"""What they may name in annotations besides, and where if not everywhere.

Randomness is passed in; a bus answers with a Deferred.
"""

IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__"}
"""Built-in functions that act, or that hide from this test what does."""

IMPURE_METHODS = {"now", "utcnow", "today"}
"""Of datetime and date: they ask the clock."""

LOCAL_METHODS = {"astimezone": 0, "fromtimestamp": 1}
"""Of datetime: with no more arguments than this they ask the machine for its time zone."""

DECIDING = ("values", "core")

STRANGERS = [{"authenticators", "buses"}, {"authenticators", "dialects"}, {"buses", "dialects"}]
"""Folders that import nothing of each other."""

AUTHORITY = re.compile(r"wsevents\.dialects\.\w+\.authority")
"""The module of a dialect that may import what the authenticators share."""


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


def are_strangers(module, other):
    """Say whether a module must not import another, whatever their layers: so it is with two dialects."""
    rooms = {room_of(module), room_of(other)}
    if rooms == {"dialects"}:
        return len({dialect_of(module), dialect_of(other)} - {None}) > 1
    asks = AUTHORITY.fullmatch(module) and room_of(other) == "authenticators"
    return rooms in STRANGERS and not asks


def dialect_of(module):
    """Return the dialect that a module is in; None: the package of all of them."""
    return (*module.split("."), None)[2]


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
    """Return what is wrong with the imports of one module, and with its calls if it is to be pure."""
    mine = layer_of(module)
    if mine is None:
        return [f"{module} belongs to no layer: list it in {Path(__file__).name}"]
    tree = ast.parse(source)
    found = []
    for other, for_types in imports(tree, modules):
        theirs = layer_of(other)
        if theirs and list(LAYERS).index(theirs) > list(LAYERS).index(mine):
            found.append(f"{module} ({mine}) imports {other} ({theirs})")
        if are_strangers(module, other):
            found.append(f"{module} imports {other}")
        allowed = theirs or other in PURE or (for_types and may_be_named(other, module))
        if mine in DECIDING and not allowed:
            found.append(f"{module} ({mine}) imports {other}, which is not known to be pure")
    if mine in DECIDING:
        found += [f"{module} ({mine}) uses {what}" for what in impurities(tree)]
    return found


def may_be_named(other, module):
    """Say whether a module may name what is in another in annotations."""
    return (other, "") in ONLY_FOR_TYPES or (other, module) in ONLY_FOR_TYPES


def impurities(tree):
    """Yield what in a module acts, asks the clock or asks the machine where it is."""
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


def test_nothing_is_held_pure_that_nobody_needs():
    used = {
        other
        for module, source in SOURCES.items()
        if layer_of(module) in DECIDING
        for other, _ in imports(ast.parse(source), SOURCES)
    }
    assert PURE | {other for other, _ in ONLY_FOR_TYPES} <= used


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
        ("wsevents.access", "import sqlite3", "(core) imports sqlite3"),
        ("wsevents.access", "from urllib import request", "(core) imports urllib"),
        ("wsevents.access", "import urllib.request", "(core) imports urllib.request"),
        ("wsevents.access", "from random import Random", "(core) imports random"),
        ("wsevents.messages", "from twisted.internet import defer", "(values) imports twisted.internet"),
        ("wsevents.access", "if TYPE_CHECKING:\n    import twisted", "(core) imports twisted"),
        ("wsevents.access", "if TYPE_CHECKING:\n    import twisted.internet.defer", "(core) imports twisted"),
        ("wsevents.messages", "open('/etc/passwd')", "wsevents.messages (values) uses open"),
        ("wsevents.access", "read = open", "wsevents.access (core) uses open"),
        ("wsevents.access", "def f():\n    print(input())", "(core) uses input"),
        ("wsevents.access", "exec('import time')", "(core) uses exec"),
        ("wsevents.access", "eval('1')", "(core) uses eval"),
        ("wsevents.access", "__import__('time')", "(core) uses __import__"),
        ("wsevents.publication", "datetime.now(UTC)", "(core) uses .now"),
        ("wsevents.publication", "clock = datetime.utcnow", "(core) uses .utcnow"),
        ("wsevents.publication", "date.today()", "(core) uses .today"),
        ("wsevents.publication", "when.astimezone()", "(core) uses .astimezone without a time zone"),
        ("wsevents.publication", "datetime.fromtimestamp(0)", "(core) uses .fromtimestamp without"),
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
        (
            "wsevents.dialects.wazo.dialect",
            "from wsevents.dialects.voipbin.topic import Topic",
            "imports wsevents.dialects.voipbin.topic",
        ),
        (
            "wsevents.dialects.voipbin.session",
            "from wsevents.authenticators.client import Client",
            "imports wsevents.authenticators.client",
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
        ("wsevents.access", "if TYPE_CHECKING:\n    from random import Random"),
        ("wsevents.access", "def f(now):\n    return now\nre.compile('x')"),
        ("wsevents.publication", "when.astimezone(UTC); datetime.fromtimestamp(0, tz=UTC)"),
        ("wsevents.access", "from zope.interface import implementer\nfrom wsevents.messages import Event"),
        ("wsevents.dialects.wazo.new", "from wsevents.dialects.wazo.session import WazoSession"),
        (
            "wsevents.dialects.voipbin.authority",
            "from wsevents.authenticators.client import Client",
        ),
        (
            "wsevents.authenticators.new",
            "import time, twisted\nfrom wsevents.access import compile_acl\nopen('x')",
        ),
        ("wsevents.tap", "import wsevents.relay"),
    ],
)
def test_what_is_allowed_is_no_offence(module, source):
    assert offences(module, source, SOURCES) == []
