"""What systemd hears when: the order of things, on a clock. That signals arrive is in integration."""

import socket
from signal import Signals

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from wsevents.app.health import Health
from wsevents.app.service import LAST_SECONDS, STATUS_SECONDS, MainService
from wsevents.system.systemd import Notifier


class Reactor(Clock):
    def callWhenRunning(self, call):
        self.running = call


class Managed(Service):
    """Is as it was told."""

    stop_seconds = 25.0

    def __init__(self):
        self.now, self.alive, self.hurried, self.over = (
            Health(0, False, "not tried"),
            True,
            False,
            Deferred(),
        )

    def health(self):
        return self.now

    def responsive(self):
        return self.alive

    def hurry(self):
        self.hurried = True

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


def test_it_is_ready_once_the_bus_was_tried_and_says_how_it_is_when_that_changes(world):
    assert world.after(100) == []
    world.be(0, True, "nobody is there")
    assert world.after(1) == ["READY=1", "STATUS=0 peers, bus down: nobody is there"]
    assert world.after(STATUS_SECONDS) == []
    world.be(3, True)
    assert world.after(STATUS_SECONDS) == ["STATUS=3 peers, bus up"]
    assert world.after(10 * STATUS_SECONDS) == []


def test_a_reload_is_framed(world, signals):
    world.be(0, True)
    world.after(1)
    signals("SIGHUP")
    (said,) = world.systemd.heard
    assert said.startswith("RELOADING=1\nMONOTONIC_USEC=")
    world.reload.done.callback(None)
    assert world.systemd.heard == ["READY=1"]


def test_a_reload_before_it_is_ready_does_not_say_that_it_is(world, signals):
    signals("SIGHUP")
    world.reload.done.callback(None)
    assert world.systemd.heard == []


def test_a_stop_says_how_long_it_may_take_and_leaves_no_timer(world, signals):
    signals("SIGTERM")
    assert world.systemd.heard == ["STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000"]
    assert not world.stopped.called
    assert not world.main.hurried
    signals("SIGHUP")
    assert world.systemd.heard == []
    world.main.over.callback(None)
    assert world.stopped.called
    assert not world.reactor.getDelayedCalls()


@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
def test_the_second_signal_hurries_and_leaves_behind_what_hangs(world, signals, second):
    signals("SIGTERM")
    signals(second)
    assert world.main.hurried
    signals(second)
    world.after(LAST_SECONDS - 0.1)
    assert not world.stopped.called
    world.after(0.2)
    assert world.stopped.called
    assert not world.reactor.getDelayedCalls()
    world.main.over.callback(None)


def test_what_cannot_be_stopped_in_order_is_stopped_all_the_same(world, signals, errors):
    signals("SIGTERM")
    world.main.over.errback(ZeroDivisionError())
    assert world.stopped.called
    errors.flush(ZeroDivisionError)


def test_the_watchdog_hears_it_twice_in_its_time_as_long_as_all_is_well(tmp_path, signals):
    world = World(tmp_path, watchdog=10.0)
    assert world.systemd.heard == ["WATCHDOG=1"]
    assert world.after(4.9) == []
    assert world.after(0.2) == ["WATCHDOG=1"]
    world.main.alive = False
    assert [world.after(5) for _ in range(4)] == [[]] * 4
    world.main.alive = True
    assert world.after(5) == ["WATCHDOG=1"]
    world.systemd.end.close()


def test_who_has_no_systemd_has_no_timers(signals):
    reactor, main = Reactor(), Managed()
    unit = MainService(reactor, main, main, Notifier())
    unit.startService()
    reactor.running()
    assert not reactor.getDelayedCalls()
    main.over = succeed(None)
    assert unit.stopService().called
