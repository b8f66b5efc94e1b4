"""The memory of all slow peers together."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.send_budget import SendBudget


class Queue:
    def __init__(self, backlog):
        self.backlog, self.pieces, self.why = backlog, [], None

    @property
    def size(self):
        return sum(map(len, self.pieces))

    def hold(self, piece):
        self.pieces.append(piece)
        self.backlog.hold(piece)

    def give_up(self, why):
        self.why = why
        self.backlog.release(self.pieces)
        self.pieces = []


def test_a_shared_object_counts_once_and_equal_but_distinct_objects_count_twice():
    backlog = SendBudget(100)
    piece, twin = bytes(bytearray(b"x" * 10)), bytes(bytearray(b"x" * 10))
    queues = [Queue(backlog) for _ in range(5)]
    for queue in queues:
        backlog.enter(queue, [])
        queue.hold(piece)
    assert backlog.size == 10
    queues[0].hold(twin)
    assert backlog.size == 20
    for queue in queues:
        backlog.leave(queue, queue.pieces)
    assert backlog.size == 0
    assert not backlog.behind


def test_above_the_limit_the_largest_queues_are_given_up_until_the_rest_fits():
    backlog = SendBudget(100)
    queues = [Queue(backlog) for _ in range(4)]
    for size, queue in zip((40, 10, 30, 60), queues, strict=True):
        backlog.enter(queue, [])
        queue.hold(b"x" * size)
    backlog.relieve()
    assert [queue.why is None for queue in queues] == [True, True, True, False]
    assert backlog.size == 80


def test_each_queue_is_examined_once_for_any_number_of_ended_sessions():
    looks = 0

    class Counted(Queue):
        @property
        def size(self):
            nonlocal looks
            looks += 1
            return super().size

    backlog = SendBudget(0)
    for number in range(100):
        queue = Counted(backlog)
        backlog.enter(queue, [])
        queue.hold(bytes([number]) * 10)
    backlog.relieve()
    assert (backlog.size, looks) == (0, 100)


def test_a_queue_that_was_never_behind_leaves_without_a_change():
    backlog = SendBudget(100)
    backlog.leave(Queue(backlog), [b"never held"])
    assert backlog.size == 0


PIECES = [bytes([n]) * (n + 1) for n in range(5)]
steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*range(5), "leave"])), max_size=60)


@given(steps)
def test_the_size_is_that_of_the_distinct_held_objects(steps):
    backlog, queues = SendBudget(10**6), {}
    for number, what in steps:
        if what == "leave":
            queue = queues.pop(number, None)
            if queue is not None:
                backlog.leave(queue, queue.pieces)
        else:
            if number not in queues:
                queues[number] = Queue(backlog)
                backlog.enter(queues[number], [])
            queues[number].hold(PIECES[what])
        held = {id(piece): piece for queue in queues.values() for piece in queue.pieces}
        assert backlog.size == sum(map(len, held.values()))
