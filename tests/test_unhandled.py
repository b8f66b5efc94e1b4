"""An unhandled error or a left-over timer fails the run, and the report names the test."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
MODULE = """
def test_the_first():
    assert Deferred()

{leak}

def test_the_last():
    assert Deferred()
"""
HEAD = "from twisted.internet import reactor\nfrom twisted.internet.defer import Deferred, fail\n"
A_DEFERRED = """
def test_the_leak():
    fail(LookupError("no one handles this"))
"""
A_DEFERRED_IN_A_CYCLE = """
class Owner:
    pass

def test_the_leak():
    owner = Owner()
    owner.itself, owner.answer = owner, fail(LookupError("no one handles this"))
"""
A_TIMER = """
def test_the_leak():
    reactor.callLater(3600, print)
"""
A_LINE = """
def test_the_leak():
    from twisted.logger import Logger
    Logger().error("no test expects this")
"""
HANDLED = """
def test_the_leak(errors):
    from twisted.logger import Logger
    try:
        raise LookupError("the test expects this")
    except LookupError:
        Logger().failure("it failed")
    assert len(errors.flush(LookupError)) == 1
"""
LATER = """
class Owner:
    pass

KEPT = Owner()

def test_the_leak():
    KEPT.itself, KEPT.answer = KEPT, fail(LookupError("no one handles this"))

def test_which_abandons_it():
    del globals()["KEPT"]
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """A function that runs a module that contains the given test; returns the outcome."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(leak, *options):
        pytester.makepyfile(HEAD + MODULE.format(leak=leak))
        return pytester.runpytest_subprocess("-p", "tests.support.unhandled", "-rE", *options)

    return run


def failed(outcome):
    return re.findall(r"(?m)^ERROR .*::(\w+)", outcome.stdout.str())


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "a worker"])
@pytest.mark.parametrize("leak", [A_DEFERRED, A_DEFERRED_IN_A_CYCLE, A_TIMER, A_LINE])
def test_the_report_names_the_test_with_the_leak(run, leak, options):
    outcome = run(leak, *options)
    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    outcome.assert_outcomes(passed=3, errors=1)
    assert failed(outcome) == ["test_the_leak"]


def test_an_expected_error_does_not_fail_the_test(run):
    outcome = run(HANDLED)
    assert outcome.ret == pytest.ExitCode.OK
    outcome.assert_outcomes(passed=3)


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "a worker"])
def test_a_deferred_that_is_abandoned_later_fails_the_run_at_its_end(run, options):
    outcome = run(LATER, *options)
    assert outcome.ret == pytest.ExitCode.TESTS_FAILED
    outcome.assert_outcomes(passed=4, errors=1)
    assert failed(outcome) == ["test_the_last"]
    outcome.stdout.fnmatch_lines(["*an earlier test left this behind*no one handles this*"])
