"""Connections go where the fewest are, and never where they would be sent away at once."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wsevents.workers.balancing import Balancer


def balance(*workers):
    made = Balancer(workers)
    for worker in workers:
        made.ready(worker)
        made.has_bus(worker, True)
    return made


def give(made, count):
    """Give so many connections; return who got them."""
    got = []
    for _ in range(count):
        got.append(made.choose())
        made.took(got[-1])
    return got


def test_connections_are_dealt_out_in_turn():
    assert give(balance(1, 2, 3), 7) == [1, 2, 3, 1, 2, 3, 1]


def test_one_that_came_back_gets_those_that_come_until_it_has_as_many():
    made = balance(1, 2)
    give(made, 6)
    made.ended(2)
    assert give(made, 2) == [1, 1]
    made.ready(2)
    made.has_bus(2, True)
    assert give(made, 6) == [2, 2, 2, 2, 2, 1]


def test_what_has_left_makes_room():
    made = balance(1, 2)
    give(made, 4)
    made.lost(2)
    made.lost(2)
    assert give(made, 2) == [2, 2]


def test_one_without_the_bus_gets_none_while_another_has_it():
    made = balance(1, 2)
    made.has_bus(1, False)
    assert give(made, 2) == [2, 2]
    made.has_bus(2, False)
    assert give(made, 2) == [1, 1]


def test_nobody_is_let_in_before_all_are_ready_for_the_first_time():
    made = Balancer([1, 2])
    made.ready(1)
    assert made.choose() is None
    made.ready(2)
    assert made.choose() == 1


def test_one_that_ends_at_its_start_is_not_waited_for():
    made = Balancer([1, 2])
    made.ready(1)
    made.ended(2)
    assert give(made, 1) == [1]


def test_without_any_worker_nobody_is_let_in():
    made = balance(1)
    made.ended(1)
    assert not made.open
    assert made.choose() is None


def test_what_an_ended_worker_had_still_to_say_counts_for_nothing():
    made = balance(1)
    made.ended(1)
    made.lost(1)
    made.has_bus(1, True)
    made.ended(1)
    assert made.shares == {}


@given(st.integers(2, 8), st.integers(1, 300))
def test_no_worker_has_more_than_one_above_its_share(workers, connections):
    got = give(balance(*range(workers)), connections)
    counts = [got.count(worker) for worker in range(workers)]
    assert max(counts) - min(counts) <= 1


class Machine(RuleBasedStateMachine):
    """Whatever happens, the count is right and the choice keeps the rules."""

    @initialize()
    def begin(self):
        self.made, self.has, self.up = balance(1, 2, 3), {1: 0, 2: 0, 3: 0}, {1, 2, 3}
        self.stuck = set()

    @precondition(lambda self: self.has)
    @rule()
    def connect(self):
        worker = self.made.choose()
        there = set(self.has) - self.stuck or set(self.has)
        able = self.up & there or there
        assert worker in able
        assert self.has[worker] == min(self.has[one] for one in able)
        self.made.took(worker)
        self.has[worker] += 1

    @rule(worker=st.integers(1, 3))
    def leave(self, worker):
        if self.has.get(worker):
            self.made.lost(worker)
            self.has[worker] -= 1

    @rule(worker=st.integers(1, 3))
    def end(self, worker):
        self.made.ended(worker)
        self.has.pop(worker, None)
        self.up.discard(worker)
        self.stuck.discard(worker)

    @rule(worker=st.integers(1, 3))
    def start(self, worker):
        if worker not in self.has:
            self.made.ready(worker)
            self.has[worker] = 0

    @rule(worker=st.integers(1, 3), up=st.booleans())
    def bus(self, worker, up):
        self.made.has_bus(worker, up)
        if worker in self.has:
            (self.up.add if up else self.up.discard)(worker)

    @rule(worker=st.integers(1, 3), answers=st.booleans())
    def ask(self, worker, answers):
        self.made.answers(worker, answers)
        if worker in self.has:
            (self.stuck.discard if answers else self.stuck.add)(worker)

    @invariant()
    def counts_are_right(self):
        assert {worker: share.connections for worker, share in self.made.shares.items()} == self.has
        assert (self.made.choose() is None) == (not self.has)


TestBalance = Machine.TestCase
