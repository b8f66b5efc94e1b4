"""Timers on a test clock."""

from twisted.internet.task import Clock

from wsevents.connections.timers import Timers


def make(max_wait=0.0):
    clock, called = Clock(), []
    timers = Timers(clock, clock.seconds, max_wait)
    timers.startService()
    return clock, timers, called


def test_callbacks_run_in_order_at_their_time_with_one_delayed_call():
    clock, timers, called = make()
    callback = called.append
    for name, at in [("c", 3.0), ("a", 1.0), ("b", 2.0)]:
        timers.set(callback, name, at)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(2.5)
    assert called == ["a", "b"]
    clock.advance(0.5)
    assert called == ["a", "b", "c"]
    assert not clock.getDelayedCalls()


def test_a_deadline_can_be_moved_and_cleared():
    clock, timers, called = make()
    callback = called.append
    timers.set(callback, "a", 1.0)
    timers.set(callback, "a", 5.0)
    timers.set(callback, "b", 2.0)
    timers.clear(callback, "b")
    clock.advance(4.0)
    assert called == []
    clock.advance(1.0)
    assert called == ["a"]


def test_a_callback_that_raises_does_not_stop_the_others(errors):
    clock, timers, called = make()

    def fail(name):
        raise ZeroDivisionError

    timers.set(fail, "x", 1.0)
    timers.set(called.append, "a", 1.0)
    timers.set(called.append, "b", 2.0)
    clock.advance(1.0)
    clock.advance(1.0)
    assert called == ["a", "b"]
    assert len(errors.flush(ZeroDivisionError)) == 1


def test_a_callback_may_set_its_timer_again():
    clock, timers, called = make()

    def callback(name):
        called.append(clock.seconds())
        timers.set(callback, name, clock.seconds() + 1.0)

    timers.set(callback, "a", 1.0)
    clock.pump([0.5] * 6)
    assert called == [1.0, 2.0, 3.0]
    timers.stopService()
    assert not clock.getDelayedCalls()


def test_a_jump_of_the_wall_clock_is_noticed_within_max_wait():
    clock, called, wall = Clock(), [], [1000.0]
    timers = Timers(clock, lambda: wall[0], max_wait=1.0)
    timers.startService()
    timers.set(called.append, "a", 5000.0)
    clock.advance(1.0)
    wall[0] = 6000.0
    clock.advance(1.0)
    assert called == ["a"]
    timers.stopService()


def test_a_timer_set_before_the_start_fires_after_it():
    clock, called = Clock(), []
    timers = Timers(clock, clock.seconds)
    timers.set(called.append, "a", 1.0)
    assert not clock.getDelayedCalls()
    timers.startService()
    clock.advance(1.0)
    assert called == ["a"]


def test_a_timer_that_sets_itself_for_now_does_not_block_the_reactor():
    clock, called = Clock(), []
    timers = Timers(clock, clock.seconds)
    timers.startService()

    def callback(name):
        called.append(name)
        assert len(called) < 10
        timers.set(callback, name, clock.seconds())

    timers.set(callback, "a", 0.0)
    for turns in range(1, 4):
        (timer,) = clock.getDelayedCalls()
        go_off = timer.func
        timer.cancel()
        go_off()  # one turn of the reactor; the clock's own `advance` would take them all
        assert called == ["a"] * turns
    timers.stopService()
