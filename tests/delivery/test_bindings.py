"""Reference-counted bindings, on a bus that answers at the command of the test."""

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


def test_the_first_interest_binds_and_the_last_unbinds():
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


def test_a_second_interest_is_live_no_sooner_than_the_first():
    bus = SlowBus()
    bindings = Bindings(bus)
    bindings.change([A], [])
    second = bindings.change([A], [])
    assert not second.called
    bus.work()
    assert second.result is True


def test_a_failed_binding_is_reported_and_retried_by_the_next_interest():
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
def test_after_any_sequence_of_changes_the_bus_has_exactly_the_needed_bindings(steps):
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
    """A bus that rejects some bindings with the given exception."""

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


def test_a_failed_unbind_does_not_prevent_other_bindings():
    bus = RefusingBus()
    bindings = Bindings(bus)
    bindings.change([A], [])
    bus.refused["a"] = BusError("no")
    assert bindings.change([B], [A]).result is True
    assert bus.calls[-1] == ("bind", B)


def test_an_unexpected_exception_of_the_bus_is_logged_and_reported(errors):
    bus = RefusingBus(a=ZeroDivisionError("oh"))
    bindings = Bindings(bus)
    assert bindings.change([A], []).result is False
    assert errors.flush(ZeroDivisionError)
    bus.refused.clear()
    assert bindings.change([A], []).result is True, "it is tried again"
