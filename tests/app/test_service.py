"""The notices that systemd gets and their order, on a test clock; signals are tested in tests/integration."""

import socket
from signal import Signals

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from wsevents.app.health import Health
from wsevents.app.service import FORCED_STOP_SECONDS, STATUS_SECONDS, MainService
from wsevents.system.systemd import Notifier


class Reactor(Clock):
    def callWhenRunning(self, call):
        self.running = call


class Managed(Service):
    """Is as it was told."""

    stop_seconds = 25.0

    def __init__(self):
        self.now, self.alive, self.expedited, self.over = (
            Health(0, False, "not tried"),
            True,
            False,
            Deferred(),
        )

    def health(self):
        return self.now

    def responsive(self):
        return self.alive

    def stop_now(self):
        self.expedited = True

    def stopService(self):
        super().stopService()
        return self.over


class Reloading:
    """Takes as long as the test says."""

    def __init__(self):
        self.done = Deferred()

    def begin(self):
        return self.done


class Systemd:
    """Listens."""

    def __init__(self, folder):
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.end.bind(str(folder / "notify"))
        self.end.setblocking(False)

    @property
    def heard(self):
        """What was said since it was asked the last time."""
        found = []
        while True:
            try:
                found.append(self.end.recv(1000).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def signals(monkeypatch):
    """A function that does what a signal calls, in place of the process's own handlers."""
    taken = {}
    monkeypatch.setattr("wsevents.app.service.handle_signals", lambda _reactor, calls: taken.update(calls))
    return lambda name: taken[Signals[name]](Signals[name])


class World:
    def __init__(self, folder, watchdog=0.0):
        self.reactor, self.main, self.systemd = Reactor(), Managed(), Systemd(folder)
        self.reload = Reloading()
        notifier = Notifier(str(folder / "notify"), watchdog)
        self.unit = MainService(self.reactor, self.main, self.main, notifier, self.reload)
        self.unit.startService()
        self.reactor.stop = self.stop
        self.reactor.running()

    def stop(self):
        self.stopped = self.unit.stopService()

    def be(self, peers, tried, why=""):
        self.main.now = Health(peers, tried, why)

    def after(self, seconds):
        self.reactor.advance(seconds)
        return self.systemd.heard


@pytest.fixture
def world(tmp_path, signals):
    world = World(tmp_path)
    yield world
    world.systemd.end.close()


def test_it_is_ready_once_the_bus_was_attempted_and_sends_each_new_status(world):
    assert world.after(100) == []
    world.be(0, True, "connection refused")
    assert world.after(1) == ["READY=1", "STATUS=0 peers, bus down: connection refused"]
    assert world.after(STATUS_SECONDS) == []
    world.be(3, True)
    assert world.after(STATUS_SECONDS) == ["STATUS=3 peers, bus up"]
    assert world.after(10 * STATUS_SECONDS) == []


def test_a_reload_sends_reloading_and_ready(world, signals):
    world.be(0, True)
    world.after(1)
    signals("SIGHUP")
    (said,) = world.systemd.heard
    assert said.startswith("RELOADING=1\nMONOTONIC_USEC=")
    world.reload.done.callback(None)
    assert world.systemd.heard == ["READY=1"]


def test_a_reload_before_readiness_does_not_send_ready(world, signals):
    signals("SIGHUP")
    world.reload.done.callback(None)
    assert world.systemd.heard == []


def test_a_stop_announces_its_duration_and_leaves_no_timer(world, signals):
    signals("SIGTERM")
    assert world.systemd.heard == ["STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000"]
    assert not world.stopped.called
    assert not world.main.expedited
    signals("SIGHUP")
    assert world.systemd.heard == []
    world.main.over.callback(None)
    assert world.stopped.called
    assert not world.reactor.getDelayedCalls()


@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
def test_the_second_signal_limits_the_shutdown(world, signals, second):
    signals("SIGTERM")
    signals(second)
    assert world.main.expedited
    signals(second)
    world.after(FORCED_STOP_SECONDS - 0.1)
    assert not world.stopped.called
    world.after(0.2)
    assert world.stopped.called
    assert not world.reactor.getDelayedCalls()
    world.main.over.callback(None)


def test_a_failed_shutdown_ends_the_process_too(world, signals, errors):
    signals("SIGTERM")
    world.main.over.errback(ZeroDivisionError())
    assert world.stopped.called
    errors.flush(ZeroDivisionError)


def test_the_watchdog_gets_two_notices_per_interval_while_all_processes_respond(tmp_path, signals):
    world = World(tmp_path, watchdog=10.0)
    assert world.systemd.heard == ["WATCHDOG=1"]
    assert world.after(4.9) == []
    assert world.after(0.2) == ["WATCHDOG=1"]
    world.main.alive = False
    assert [world.after(5) for _ in range(4)] == [[]] * 4
    world.main.alive = True
    assert world.after(5) == ["WATCHDOG=1"]
    world.systemd.end.close()


def test_without_systemd_there_are_no_timers(signals):
    reactor, main = Reactor(), Managed()
    unit = MainService(reactor, main, main, Notifier())
    unit.startService()
    reactor.running()
    assert not reactor.getDelayedCalls()
    main.over = succeed(None)
    assert unit.stopService().called
