"""The balancer prefers the worker with the fewest connections among those that can serve peers."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wsevents.workers.balancing import Balancer


def balancer_of(*workers):
    balancer = Balancer(workers)
    for worker in workers:
        balancer.ready(worker)
        balancer.set_bus(worker, True)
    return balancer


def give(balancer, count):
    """Assign this number of connections; return the workers that got them."""
    assigned = []
    for _ in range(count):
        assigned.append(balancer.choose())
        balancer.connection_added(assigned[-1])
    return assigned


def test_connections_are_distributed_evenly():
    assert give(balancer_of(1, 2, 3), 7) == [1, 2, 3, 1, 2, 3, 1]


def test_a_restarted_worker_gets_new_connections_until_it_has_as_many_as_the_others():
    balancer = balancer_of(1, 2)
    give(balancer, 6)
    balancer.ended(2)
    assert give(balancer, 2) == [1, 1]
    balancer.ready(2)
    balancer.set_bus(2, True)
    assert give(balancer, 6) == [2, 2, 2, 2, 2, 1]


def test_a_closed_connection_is_no_longer_counted():
    balancer = balancer_of(1, 2)
    give(balancer, 4)
    balancer.connection_closed(2)
    balancer.connection_closed(2)
    assert give(balancer, 2) == [2, 2]


def test_a_worker_without_the_bus_gets_no_connection_while_another_has_it():
    balancer = balancer_of(1, 2)
    balancer.set_bus(1, False)
    assert give(balancer, 2) == [2, 2]
    balancer.set_bus(2, False)
    assert give(balancer, 2) == [1, 1]


def test_no_connection_is_accepted_before_all_workers_were_ready_once():
    balancer = Balancer([1, 2])
    balancer.ready(1)
    assert balancer.choose() is None
    balancer.ready(2)
    assert balancer.choose() == 1


def test_a_worker_that_exits_during_its_start_does_not_delay_the_others():
    balancer = Balancer([1, 2])
    balancer.ready(1)
    balancer.ended(2)
    assert give(balancer, 1) == [1]


def test_without_a_worker_no_connection_is_accepted():
    balancer = balancer_of(1)
    balancer.ended(1)
    assert not balancer.open
    assert balancer.choose() is None


def test_late_messages_of_an_exited_worker_have_no_effect():
    balancer = balancer_of(1)
    balancer.ended(1)
    balancer.connection_closed(1)
    balancer.set_bus(1, True)
    balancer.ended(1)
    assert balancer.loads == {}


@given(st.integers(2, 8), st.integers(1, 300))
def test_no_worker_has_more_than_one_above_its_share(workers, connections):
    assigned = give(balancer_of(*range(workers)), connections)
    counts = [assigned.count(worker) for worker in range(workers)]
    assert max(counts) - min(counts) <= 1


class Machine(RuleBasedStateMachine):
    """For any sequence of calls, the counts are correct and the selection follows the rules."""

    @initialize()
    def begin(self):
        self.balancer, self.has, self.up = balancer_of(1, 2, 3), {1: 0, 2: 0, 3: 0}, {1, 2, 3}
        self.stuck = set()

    @precondition(lambda self: self.has)
    @rule()
    def connect(self):
        worker = self.balancer.choose()
        responding = set(self.has) - self.stuck or set(self.has)
        preferred = self.up & responding or responding
        assert worker in preferred
        assert self.has[worker] == min(self.has[one] for one in preferred)
        self.balancer.connection_added(worker)
        self.has[worker] += 1

    @rule(worker=st.integers(1, 3))
    def leave(self, worker):
        if self.has.get(worker):
            self.balancer.connection_closed(worker)
            self.has[worker] -= 1

    @rule(worker=st.integers(1, 3))
    def end(self, worker):
        self.balancer.ended(worker)
        self.has.pop(worker, None)
        self.up.discard(worker)
        self.stuck.discard(worker)

    @rule(worker=st.integers(1, 3))
    def start(self, worker):
        if worker not in self.has:
            self.balancer.ready(worker)
            self.has[worker] = 0

    @rule(worker=st.integers(1, 3), up=st.booleans())
    def bus(self, worker, up):
        self.balancer.set_bus(worker, up)
        if worker in self.has:
            (self.up.add if up else self.up.discard)(worker)

    @rule(worker=st.integers(1, 3), answers=st.booleans())
    def ask(self, worker, answers):
        self.balancer.set_responding(worker, answers)
        if worker in self.has:
            (self.stuck.discard if answers else self.stuck.add)(worker)

    @invariant()
    def counts_are_right(self):
        assert {worker: share.connections for worker, share in self.balancer.loads.items()} == self.has
        assert (self.balancer.choose() is None) == (not self.has)


TestBalance = Machine.TestCase
