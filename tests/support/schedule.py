"""Which test process runs which file, when there are several (`-n 2`).

One process runs all tests of a file, so that its tests share what its fixtures start. The files that start
the embedded default share its two ports, so one process runs all of them
(tests/support/gateway_process.py has the lock).
The slow files come first, so that all processes end at about the same time.
"""

from xdist.scheduler import LoadFileScheduling

EMBEDDED_DEFAULT = frozenset(
    f"tests/integration/test_{name}.py"
    for name in (
        "browser",
        "browser_protocols",
        "documentation",
        "embedded_default",
        "getting_started",
        "process",
    )
)
SLOW = (
    "tests/integration",
    "tests/cli",
    "tests/buses",
    "tests/test_bench.py",
    "tests/test_packaging.py",
    "tests/test_unhandled.py",
    "tests/app",
    "tests/docs",
)


class Files(LoadFileScheduling):
    """One process for a file."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "the embedded default" if file in EMBEDDED_DEFAULT else file


def slow_first(nodeid):
    """Key to sort tests by: the file's rank. Tests of one rank keep their order."""
    file = nodeid.split("::")[0]
    if file in EMBEDDED_DEFAULT:
        return 0
    return next((rank for rank, prefix in enumerate(SLOW, 1) if file.startswith(prefix)), len(SLOW) + 1)
