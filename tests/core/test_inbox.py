"""The order of facts and messages for a session."""

from wsevents.core.inbox import Inbox


def nothing(session, now):
    return ()


def something(session, now):
    return ()


def test_facts_come_before_messages_and_each_in_order():
    inbox = Inbox()
    inbox.receive("a")
    inbox.add_fact(nothing)
    inbox.receive("b")
    inbox.add_fact(something)
    assert [inbox.next_fact() for _ in range(3)] == [nothing, something, None]
    assert [inbox.next_message() for _ in range(3)] == ["a", "b", None]


def test_with_a_hold_no_message_is_returned_and_the_peer_is_not_read():
    inbox = Inbox()
    inbox.receive("a")
    inbox.hold(1)
    inbox.hold("rate")
    inbox.release(1)
    assert not inbox.reads
    assert inbox.next_message() is None
    inbox.add_fact(nothing)
    assert inbox.next_fact() is nothing, "a hold does not delay facts"
    inbox.release("rate")
    assert inbox.reads
    assert inbox.next_message() == "a"


def test_after_the_end_nothing_is_returned_and_the_peer_is_read_for_its_close_frame():
    inbox = Inbox()
    inbox.hold(1)
    inbox.receive("a")
    inbox.add_fact(nothing)
    inbox.end()
    inbox.receive("b")
    inbox.add_fact(something)
    assert inbox.reads
    inbox.release(1)
    assert (inbox.next_fact(), inbox.next_message()) == (None, None)
