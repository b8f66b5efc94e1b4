"""Signal handlers of this process."""

import os
import signal
import subprocess
import sys

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from wsevents.system.signals import handle_signals, ignore

HELD = """
import os, signal
from twisted.internet import reactor
from wsevents.system.signals import handle_signals, hold

def came(number):
    print(number.name)
    reactor.stop()

hold(signal.SIGHUP)
os.kill(os.getpid(), signal.SIGHUP)
reactor.callWhenRunning(handle_signals, reactor, {signal.SIGHUP: came})
reactor.run()
"""


@pytest.fixture(autouse=True)
def restored():
    """Restore the handlers after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest_twisted.ensureDeferred
async def test_each_signal_calls_its_handler_in_the_reactors_thread():
    came, both = [], Deferred()

    def call(number):
        came.append(number)
        if len(came) == 2:
            both.callback(None)

    handle_signals(reactor, {signal.SIGUSR1: call, signal.SIGUSR2: call})
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR2)
    assert came == [], "not within whatever was going on"
    await both
    assert sorted(came) == [signal.SIGUSR1, signal.SIGUSR2]


def test_an_ignored_signal_does_not_end_the_process():
    ignore(signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_blocked_signal_is_delivered_after_it_is_unblocked():
    # In a separate process: in this one another thread might receive the signal.
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "SIGHUP\n", "")
