"""Distribute test files to several test processes (`-n 2`).

One process runs all tests of a file, so that they share the programs that its fixtures start. One process
runs all files that start the embedded default, because they share its two ports
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
    """Assigns each file to one process."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "the embedded default" if file in EMBEDDED_DEFAULT else file


def slow_first(nodeid):
    """Return the rank of a test's file, as a sort key. Tests of one rank keep their order."""
    file = nodeid.split("::")[0]
    if file in EMBEDDED_DEFAULT:
        return 0
    return next((rank for rank, prefix in enumerate(SLOW, 1) if file.startswith(prefix)), len(SLOW) + 1)
