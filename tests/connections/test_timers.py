"""The one timer, on a clock of its own."""

from twisted.internet.task import Clock

from wsevents.connections.timers import Timers


def make(longest=0.0):
    clock, rung = Clock(), []
    alarms = Timers(clock, clock.seconds, longest)
    alarms.startService()
    return clock, alarms, rung


def test_alarms_ring_in_order_at_their_time_with_one_timer():
    clock, alarms, rung = make()
    ring = rung.append
    for name, at in [("c", 3.0), ("a", 1.0), ("b", 2.0)]:
        alarms.set(ring, name, at)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(2.5)
    assert rung == ["a", "b"]
    clock.advance(0.5)
    assert rung == ["a", "b", "c"]
    assert not clock.getDelayedCalls()


def test_a_later_setting_moves_the_deadline_and_a_cleared_one_is_silent():
    clock, alarms, rung = make()
    ring = rung.append
    alarms.set(ring, "a", 1.0)
    alarms.set(ring, "a", 5.0)
    alarms.set(ring, "b", 2.0)
    alarms.clear(ring, "b")
    clock.advance(4.0)
    assert rung == []
    clock.advance(1.0)
    assert rung == ["a"]


def test_one_that_raises_does_not_stop_the_others(errors):
    clock, alarms, rung = make()

    def fail(name):
        raise ZeroDivisionError

    alarms.set(fail, "x", 1.0)
    alarms.set(rung.append, "a", 1.0)
    alarms.set(rung.append, "b", 2.0)
    clock.advance(1.0)
    clock.advance(1.0)
    assert rung == ["a", "b"]
    assert len(errors.flush(ZeroDivisionError)) == 1


def test_an_alarm_may_set_itself_again():
    clock, alarms, rung = make()

    def ring(name):
        rung.append(clock.seconds())
        alarms.set(ring, name, clock.seconds() + 1.0)

    alarms.set(ring, "a", 1.0)
    clock.pump([0.5] * 6)
    assert rung == [1.0, 2.0, 3.0]
    alarms.stopService()
    assert not clock.getDelayedCalls()


def test_a_wall_clock_that_is_put_forward_is_noticed_within_the_longest_wait():
    clock, rung, wall = Clock(), [], [1000.0]
    alarms = Timers(clock, lambda: wall[0], longest=1.0)
    alarms.startService()
    alarms.set(rung.append, "a", 5000.0)
    clock.advance(1.0)
    wall[0] = 6000.0
    clock.advance(1.0)
    assert rung == ["a"]
    alarms.stopService()


def test_what_was_set_before_the_start_rings_after_it():
    clock, rung = Clock(), []
    alarms = Timers(clock, clock.seconds)
    alarms.set(rung.append, "a", 1.0)
    assert not clock.getDelayedCalls()
    alarms.startService()
    clock.advance(1.0)
    assert rung == ["a"]


def test_an_alarm_that_sets_itself_for_now_does_not_keep_the_reactor():
    clock, rung = Clock(), []
    alarms = Timers(clock, clock.seconds)
    alarms.startService()

    def ring(name):
        rung.append(name)
        assert len(rung) < 10
        alarms.set(ring, name, clock.seconds())

    alarms.set(ring, "a", 0.0)
    for turns in range(1, 4):
        (timer,) = clock.getDelayedCalls()
        go_off = timer.func
        timer.cancel()
        go_off()  # one turn of the reactor; the clock's own `advance` would take them all
        assert rung == ["a"] * turns
    alarms.stopService()
