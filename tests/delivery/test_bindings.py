"""Bindings on demand, with a bus that answers when it is told to."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed

from wsevents.api.errors import BusError
from wsevents.api.events import Binding
from wsevents.delivery.bindings import Bindings

A, B = Binding("x", "a"), Binding("x", "b")


class SlowBus:
    """Each call waits until `work` is called."""

    def __init__(self):
        self.calls, self.waiting, self.bound = [], [], set()

    def bind(self, binding):
        assert binding not in self.bound
        return self._call("bind", binding, self.bound.add)

    def unbind(self, binding):
        assert binding in self.bound
        return self._call("unbind", binding, self.bound.discard)

    def _call(self, what, binding, change):
        self.calls.append((what, binding))
        done = Deferred()
        self.waiting.append((done, lambda: change(binding)))
        return done

    def work(self):
        while self.waiting:
            done, change = self.waiting.pop(0)
            change()
            done.callback(None)


def test_a_binding_is_made_for_the_first_and_undone_after_the_last():
    bus = SlowBus()
    bindings = Bindings(bus)
    first, second = bindings.change([A], []), bindings.change([A, B], [])
    assert not first.called
    bus.work()
    assert (first.result, second.result) == (True, True)
    bindings.change([], [A])
    assert bus.calls == [("bind", A), ("bind", B)]
    bindings.change([], [A, B])
    bus.work()
    assert bus.bound == set()
    assert not bindings._locks
    assert not bindings._needed


def test_who_comes_second_is_live_no_sooner_than_the_first():
    bus = SlowBus()
    bindings = Bindings(bus)
    bindings.change([A], [])
    second = bindings.change([A], [])
    assert not second.called
    bus.work()
    assert second.result is True


def test_a_bus_that_fails_is_said_and_tried_again_by_the_next():
    bus = SlowBus()
    bindings = Bindings(bus)
    first = bindings.change([A], [])
    bus.waiting.pop()[0].errback(BusError("down"))
    assert first.result is False
    second = bindings.change([A], [])
    bus.work()
    assert second.result is True
    assert bus.bound == {A}


@given(st.lists(st.sampled_from(["add", "remove", "work"]), max_size=40))
def test_however_fast_they_come_and_go_the_bus_ends_up_right(steps):
    bus, count = SlowBus(), 0
    bindings = Bindings(bus)
    for step in steps:
        if step == "add":
            count += 1
            bindings.change([A], [])
        elif step == "remove" and count:
            count -= 1
            bindings.change([], [A])
        else:
            bus.work()
    bus.work()
    assert bus.bound == ({A} if count else set())


class RefusingBus:
    """Refuses some bindings, in the way that it is told to."""

    def __init__(self, **refused):
        self.refused, self.calls = refused, []

    def bind(self, binding):
        self.calls.append(("bind", binding))
        return self._call(binding)

    def unbind(self, binding):
        self.calls.append(("unbind", binding))
        return self._call(binding)

    def _call(self, binding):
        mistake = self.refused.get(binding.key)
        return fail(mistake) if mistake else succeed(None)


def test_an_unbinding_that_fails_does_not_keep_others_from_being_bound():
    bus = RefusingBus()
    bindings = Bindings(bus)
    bindings.change([A], [])
    bus.refused["a"] = BusError("no")
    assert bindings.change([B], [A]).result is True
    assert bus.calls[-1] == ("bind", B)


def test_a_bus_that_raises_what_it_likes_is_blamed_and_nobody_waits(errors):
    bus = RefusingBus(a=ZeroDivisionError("oh"))
    bindings = Bindings(bus)
    assert bindings.change([A], []).result is False
    assert errors.flush(ZeroDivisionError)
    bus.refused.clear()
    assert bindings.change([A], []).result is True, "it is tried again"
