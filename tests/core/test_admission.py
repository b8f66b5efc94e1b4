"""Admission control: limits in total and per address, and the order of waiting connections."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wsevents.api.settings import Limits
from wsevents.core.admission import Admission


def everybody(admission):
    """Return all connections that start their handshake now."""
    return list(iter(admission.next, None))


def test_handshakes_above_the_limit_wait():
    admission = Admission(Limits(pending_handshakes=2, pending_per_address=0))
    assert [admission.arrive(key, "a") for key in range(5)] == [None] * 5
    assert everybody(admission) == [0, 1]
    admission.finish(0)
    assert everybody(admission) == [2]
    admission.leave(1)
    admission.leave(3)
    assert everybody(admission) == [4]


def test_addresses_take_turns_and_an_address_at_its_limit_does_not_delay_others():
    admission = Admission(Limits(pending_handshakes=0, pending_per_address=2))
    for number in range(4):
        admission.arrive(f"a{number}", "a")
    admission.arrive("b0", "b")
    admission.arrive("b1", "b")
    assert everybody(admission) == ["a0", "b0", "a1", "b1"]
    admission.finish("b0")
    assert everybody(admission) == []
    admission.finish("a1")
    assert everybody(admission) == ["a2"]


def test_above_the_limit_of_waiting_connections_the_newest_is_excess():
    admission = Admission(Limits(pending_handshakes=1, waiting_handshakes=2))
    assert [admission.arrive(0, "a"), *everybody(admission)] == [None, 0]
    for key in (1, 2):
        admission.arrive(key, "a")
        assert admission.excess() is None
    admission.arrive(3, "a")
    assert admission.excess() == 3
    admission.leave(3)
    assert admission.excess() is None


def test_an_address_that_fills_the_queue_does_not_keep_others_out():
    admission = Admission(Limits(pending_handshakes=1, waiting_handshakes=3))
    for key in range(4):
        admission.arrive(key, "flood")
        everybody(admission)
    gone = []
    for key, address in (("b", "b"), ("c", "c"), ("d", "d")):
        admission.arrive(key, address)
        gone.append(admission.excess())
        admission.leave(gone[-1])
    assert gone == [3, 2, "d"], "an address with as few connections as the others loses none"
    admission.leave(0)
    assert everybody(admission) == [1]


def test_connections_are_limited_by_address_until_they_leave():
    admission = Admission(Limits(connections_per_address=1))
    assert admission.arrive(1, "a") is None
    assert admission.arrive(2, "a") == "too many connections from its address"
    admission.leave(1)
    assert admission.arrive(2, "a") is None


def test_zero_is_no_limit():
    limits = Limits(
        pending_handshakes=0, pending_per_address=0, connections_per_address=0, waiting_handshakes=0
    )
    admission = Admission(limits)
    assert all(admission.arrive(key, "a") is None for key in range(20000))
    assert everybody(admission) == list(range(20000))


def test_the_total_of_connections_is_limited_across_addresses():
    admission = Admission(Limits(connections=2))
    assert [admission.arrive(1, "a"), admission.enter(2)] == [None, None]
    assert admission.arrive(3, "b") == "too many connections"
    assert admission.enter(3) == "too many connections"
    assert admission.arrive(2, "b") is None, "it is in already"
    admission.leave(1)
    assert admission.arrive(3, "b") is None


def test_a_proxied_connection_is_limited_by_the_address_of_its_client_only():
    admission = Admission(Limits(pending_handshakes=0, pending_per_address=1, connections_per_address=2))
    assert [admission.arrive(key, "proxy", shared=True) for key in range(4)] == [None] * 4
    assert everybody(admission) == [0, 1, 2, 3]
    assert [admission.known(key, "a") for key in range(3)] == [
        None,
        None,
        "too many connections from its address",
    ]
    assert admission.known(3, "b") is None
    assert admission.known(1, "b") is None, "it counts by its first address"
    assert admission.known(2, "b") is None, "it is gone"
    assert admission.arrive(4, "a") == "too many connections from its address"
    assert admission.arrive(5, "b") is None
    assert everybody(admission) == [5], "turns of before its address was known do not count for it"
    for key in range(6):
        admission.leave(key)
    assert admission.empty


def test_a_connection_in_its_handshake_can_be_replaced_by_another_object():
    admission = Admission(Limits(pending_handshakes=1, connections_per_address=1))
    admission.enter("proxied")
    admission.arrive("proxied", "a")
    admission.arrive("late", "b")
    assert everybody(admission) == ["proxied"]
    admission.replace("proxied", "handshake")
    admission.leave("proxied")
    assert admission.arrive("other", "a") is not None
    admission.finish("handshake")
    assert everybody(admission) == ["late"]
    admission.leave("handshake")
    admission.leave("late")
    assert admission.empty


class AdmissionMachine(RuleBasedStateMachine):
    """For any sequence of calls, the limits hold, no connection waits without need, and nothing is left."""

    def __init__(self):
        super().__init__()
        limits = Limits(pending_handshakes=3, pending_per_address=2, waiting_handshakes=4)
        self.admission, self.keys = Admission(limits), 0
        self.waiting, self.busy, self.inside = {}, {}, {}

    def turns(self):
        for key in everybody(self.admission):
            self.busy[key] = self.waiting.pop(key)

    @rule(address=st.sampled_from(["a", "b", "c", "proxy"]), enters=st.booleans())
    def arrive(self, address, enters):
        self.keys += 1
        if enters:
            assert self.admission.enter(self.keys) is None
        assert self.admission.arrive(self.keys, address, shared=address == "proxy") is None
        self.waiting[self.keys] = address
        self.turns()
        gone = self.admission.excess()
        assert (gone is not None) == (len(self.waiting) == 5)
        if gone is not None:
            lines = Counter(self.waiting.values())
            assert lines[self.waiting.pop(gone)] == max(lines.values())
            self.admission.leave(gone)

    @rule(data=st.data())
    def finish(self, data):
        if self.busy:
            key = data.draw(st.sampled_from(sorted(self.busy)))
            self.inside[key] = self.busy.pop(key)
            self.admission.finish(key)
            self.turns()

    @rule(data=st.data(), address=st.sampled_from("abc"))
    def become_known(self, data, address):
        strangers = [key for key, queue in (self.busy | self.inside).items() if queue == "proxy"]
        if strangers:
            assert self.admission.known(data.draw(st.sampled_from(strangers)), address) is None

    @rule(data=st.data())
    def replace(self, data):
        if self.busy:
            key = data.draw(st.sampled_from(sorted(self.busy)))
            self.keys += 1
            self.admission.replace(key, self.keys)
            self.busy[self.keys] = self.busy.pop(key)

    @rule(data=st.data())
    def leave(self, data):
        everyone = self.waiting | self.busy | self.inside
        if everyone:
            key = data.draw(st.sampled_from(sorted(everyone)))
            for room in (self.waiting, self.busy, self.inside):
                room.pop(key, None)
            self.admission.leave(key)
            self.turns()

    @invariant()
    def the_limits_hold_and_nobody_waits_who_need_not(self):
        busy = list(self.busy.values())
        assert len(busy) <= 3
        assert all(busy.count(address) <= 2 for address in "abc")
        waiting = self.waiting.values()
        assert len(busy) == 3 or all(queue != "proxy" and busy.count(queue) == 2 for queue in waiting)

    def teardown(self):
        for key in [*self.waiting, *self.busy, *self.inside]:
            self.admission.leave(key)
        assert self.admission.empty


TestAdmissionMachine = AdmissionMachine.TestCase


@given(st.lists(st.sampled_from("abc")))
def test_nothing_is_kept_after_all_connections_have_left(addresses):
    admission = Admission(Limits(pending_handshakes=2))
    for key, address in enumerate(addresses):
        admission.arrive(key, address)
        everybody(admission)
    for key in range(len(addresses)):
        admission.leave(key)
        admission.leave(key)
    assert admission.empty
