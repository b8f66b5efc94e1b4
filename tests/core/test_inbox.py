"""What a session hears next."""

from wsevents.core.inbox import Inbox


def nothing(session, now):
    return ()


def something(session, now):
    return ()


def test_facts_come_before_messages_and_each_in_order():
    conversation = Inbox()
    conversation.receive("a")
    conversation.tell(nothing)
    conversation.receive("b")
    conversation.tell(something)
    assert [conversation.next_fact() for _ in range(3)] == [nothing, something, None]
    assert [conversation.next_message() for _ in range(3)] == ["a", "b", None]


def test_while_anything_holds_it_no_message_is_heard_and_the_peer_is_not_read():
    conversation = Inbox()
    conversation.receive("a")
    conversation.hold(1)
    conversation.hold("rate")
    conversation.release(1)
    assert not conversation.reads
    assert conversation.next_message() is None
    conversation.tell(nothing)
    assert conversation.next_fact() is nothing, "facts are heard all the same"
    conversation.release("rate")
    assert conversation.reads
    assert conversation.next_message() == "a"


def test_after_its_end_nothing_is_heard_and_the_peer_is_read_for_its_close_frame():
    conversation = Inbox()
    conversation.hold(1)
    conversation.receive("a")
    conversation.tell(nothing)
    conversation.end()
    conversation.receive("b")
    conversation.tell(something)
    assert conversation.reads
    conversation.release(1)
    assert (conversation.next_fact(), conversation.next_message()) == (None, None)
