"""A peer's send queue: order, one write per turn, limits."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from wsevents.core.send_budget import SendBudget
from wsevents.core.websocket_frames import Message
from wsevents.delivery.send_queue import CHUNK, Flusher, SendQueue


class Writer:
    """A transport that is full once it holds more than its room, like Twisted's."""

    def __init__(self, room=10**9):
        self.writes, self.room, self.held, self.queue = [], room, 0, None

    def write(self, data):
        self.writes.append(data)
        self.held += len(data)
        if self.held > self.room:
            self.queue.pauseProducing()

    def drain(self):
        self.held = 0
        self.queue.resumeProducing()

    @property
    def sent(self):
        return b"".join(self.writes)


class Peer:
    """A queue with its transport and its owner."""

    def __init__(self, cap=100, room=10**9, flusher=None, total=10**9):
        self.clock = Clock()
        self.flusher = flusher or Flusher(self.clock, SendBudget(total), self.clock.seconds)
        self.writer, self.said = Writer(room), []
        self.queue = self.writer.queue = SendQueue(self.writer, self.flusher, cap, self)

    def fell_behind(self):
        self.said.append("behind")

    def caught_up(self):
        self.said.append("caught up")

    def too_slow(self, why):
        self.said.append(why)
        self.queue.send_control(b"<close>")

    def abort(self):
        self.said.append("abort")

    def turn(self):
        self.clock.advance(0)


def message(size, fill=b"m"):
    return Message(fill * size)


def test_all_data_of_one_turn_is_one_write_in_order():
    peer = Peer()
    peer.queue.reply(b"a")
    peer.queue.send_control(b"b")
    peer.queue.reply(b"c")
    assert peer.writer.writes == []
    assert len(peer.clock.getDelayedCalls()) == 1
    peer.turn()
    assert peer.writer.writes == [b"abc"]
    assert not peer.clock.getDelayedCalls()


def test_a_full_transport_receives_nothing():
    peer = Peer()
    assert verifyObject(IPushProducer, peer.queue)
    peer.queue.pauseProducing()
    peer.queue.reply(b"a")
    peer.turn()
    peer.queue.reply(b"b")
    peer.turn()
    assert peer.writer.writes == []
    assert peer.said == ["behind"]
    peer.queue.resumeProducing()
    assert peer.writer.writes == [b"ab"]
    assert peer.said == ["behind", "caught up"]
    assert peer.flusher.budget.size == 0


def test_a_peer_that_is_behind_and_over_its_cap_is_given_up_in_the_next_turn():
    peer = Peer(cap=10)
    peer.queue.pauseProducing()
    peer.queue.event(message(50))
    assert peer.queue.events == 1, "one larger message fits into an empty queue"
    peer.queue.event(message(1))
    peer.queue.event(message(1))
    assert peer.said == ["behind"]
    peer.turn()
    assert peer.said == ["behind", "its queue is over outbound.peer_bytes"]
    assert peer.queue.events == 1
    peer.queue.resumeProducing()
    assert peer.writer.writes == [b"<close>"], "what waited is dropped, whole frames only"
    assert peer.queue.peak == 52


def test_data_that_was_not_yet_passed_to_the_transport_is_not_limited():
    peer = Peer(cap=10)
    for size in (1000, 10, 10):
        peer.queue.event(message(size))
    peer.turn()
    assert len(peer.writer.sent) == 1004 + 12 + 12
    assert peer.said == []


def test_writing_stops_between_chunks_when_the_transport_is_full():
    peer = Peer(cap=10**7, room=2 * CHUNK)
    messages = [message(CHUNK // 2, bytes([number])) for number in range(20)]
    for one in messages:
        peer.queue.event(one)
    peer.turn()
    assert len(peer.writer.sent) <= 3 * CHUNK
    while peer.queue.size:
        peer.writer.drain()
    assert peer.writer.sent == b"".join(one.plain for one in messages)


def test_a_message_larger_than_a_chunk_is_written_in_parts_and_completely():
    peer = Peer(cap=10, room=CHUNK)
    large, small = message(10 * CHUNK), message(100, b"s")
    peer.queue.event(large)
    peer.queue.event(small)
    peer.turn()
    assert peer.queue.behind
    assert len(peer.writer.sent) == 2 * CHUNK
    assert peer.flusher.budget.size == peer.queue.size == len(large.plain + small.plain) - 2 * CHUNK
    peer.queue.event(small)  # over the cap
    peer.turn()
    assert peer.said == ["behind", "its queue is over outbound.peer_bytes"]
    while peer.queue.size:
        peer.writer.drain()
    assert peer.writer.sent == large.plain + b"<close>"
    assert peer.flusher.budget.size == 0


def test_above_the_total_limit_the_largest_queue_is_given_up_first():
    clock = Clock()
    flusher = Flusher(clock, SendBudget(1000), clock.seconds)
    peers = [Peer(cap=10**6, flusher=flusher) for _ in range(3)]
    for peer in peers:
        peer.queue.pauseProducing()
    shared = message(600)
    for peer in peers:
        peer.queue.event(shared)
    clock.advance(0)
    assert all(peer.said == ["behind"] for peer in peers), "what is shared is there once"
    peers[1].queue.event(message(500))
    clock.advance(0)
    assert [len(peer.said) for peer in peers] == [1, 2, 1]
    assert peers[1].said[1] == "all queues together are over outbound.total_bytes"


def test_finish_writes_everything_to_a_full_transport():
    peer = Peer(room=10)
    for _ in range(3):
        peer.queue.reply(b"x" * 10)
        peer.turn()
    assert len(peer.writer.sent) == 20
    peer.queue.finish()
    assert len(peer.writer.sent) == 30
    assert peer.flusher.budget.size == 0


def test_the_queue_of_a_closed_connection_is_empty_and_accepts_nothing():
    peer = Peer()
    peer.queue.pauseProducing()
    peer.queue.event(message(10))
    peer.queue.stopProducing()
    peer.queue.event(message(10))
    peer.queue.send_control(b"x")
    peer.queue.resumeProducing()
    peer.turn()
    assert peer.writer.writes == []
    assert (peer.queue.size, peer.flusher.budget.size, len(peer.flusher.budget.behind)) == (0, 0, 0)


def test_an_error_of_one_transport_does_not_affect_other_queues(errors):
    clock = Clock()
    flusher = Flusher(clock, SendBudget(1000), clock.seconds)
    broken, working = Peer(flusher=flusher), Peer(flusher=flusher)
    broken.queue.writer = None
    broken.queue.reply(b"a")
    working.queue.reply(b"b")
    clock.advance(0)
    assert working.writer.writes == [b"b"]
    assert broken.said == ["abort"], "its stream has a hole"
    assert len(errors.flush(AttributeError)) == 1


def test_only_peers_with_compression_receive_compressed_events():
    peer = Peer()
    one = message(50)
    peer.queue.deflate = True
    peer.queue.event(one)
    peer.turn()
    assert peer.writer.sent == one.deflated
    assert peer.queue.events == 1


steps = st.lists(st.one_of(st.binary(min_size=1, max_size=50), st.sampled_from(["turn", "drain"])))


@given(steps, st.integers(0, 100))
def test_any_order_of_turns_and_pauses_sends_the_same_bytes(steps, room):
    peer, sent = Peer(cap=10**6, room=room), b""
    for step in steps:
        if isinstance(step, bytes):
            peer.queue.reply(step)
            sent += step
        elif step == "turn":
            peer.turn()
        else:
            peer.writer.drain()
    while peer.queue.size:
        peer.turn()
        peer.writer.drain()
    assert peer.writer.sent == sent
    assert peer.flusher.budget.size == 0
