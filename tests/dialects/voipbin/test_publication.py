"""Which topics an event is published under, family by family, and by which message each is served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.voipbin.test_command import JSON
from tests.support.voipbin import AGENT, CALL, CUSTOMER, NIL, OTHER, QUEUE, STRANGER, of_agent, topic
from wsevents.dialects.voipbin.publication import publish
from wsevents.dialects.voipbin.topic import scope_of

ID = CALL


def topics(kind, owners=(), customer=CUSTOMER, **resource):
    return publish(kind, {"id": ID} | resource, customer, owners).topics


@pytest.mark.parametrize("kind", ["call_created", "activeflow_updated", "transcribe_speech_interim"])
def test_an_event_is_published_for_customer_and_owner_by_resource_and_by_type(kind):
    family = kind.partition("_")[0]
    assert topics(kind, [AGENT]) == (
        topic(family, ID),
        of_agent(family, ID),
        topic(family, kind, ID),
        of_agent(family, kind, ID),
    )


def test_missing_customers_and_owners_are_left_out():
    assert topics("call_created") == (topic("call", ID), topic("call", "call_created", ID))
    assert topics("call_created", [AGENT], None) == (
        of_agent("call", ID),
        of_agent("call", "call_created", ID),
    )
    assert publish("call_created", {"id": ID}, None, ()) is None


def test_a_message_of_an_ai_goes_under_its_call():
    assert topics("aimessage_created", [AGENT], aicall_id=OTHER) == (
        topic("aicall", OTHER),
        topic("aimessage", "aimessage_created", ID),
        of_agent("aimessage", "aimessage_created", ID),
    )


@pytest.mark.parametrize(
    ("kind", "resource", "chat"),
    [
        ("chat_created", {}, ID),
        ("chatmessage_created", {"chat_id": OTHER}, OTHER),
        ("chatparticipant_added", {"chat_id": OTHER}, OTHER),
        ("chatmessage_created", {"chat_id": NIL}, ID),
    ],
)
def test_an_event_of_a_chat_has_the_topic_of_the_chat_for_each_participant(kind, resource, chat):
    family = kind.partition("_")[0]
    wanted = (
        topic("chat", chat),
        of_agent("chat", chat),
        topic(family, kind, ID),
        of_agent(family, kind, ID),
        of_agent("chat", chat, agent=OTHER),
        of_agent(family, kind, ID, agent=OTHER),
    )
    assert topics(kind, [AGENT], participant_ids=[AGENT, OTHER, NIL, 1], **resource) == wanted
    members = [{"owner_id": AGENT}, {"id": OTHER}, {}, None]
    assert topics(kind, [AGENT], participants=members, **resource) == wanted


@pytest.mark.parametrize(
    ("kind", "resource", "session"),
    [
        ("webchat_message_created", {"session_id": OTHER}, OTHER),
        ("webchat_session_ended", {}, ID),
    ],
)
def test_what_happens_in_a_webchat_goes_under_its_session(kind, resource, session):
    assert topics(kind, [AGENT], **resource) == (
        topic("webchat_session", session),
        topic("webchat", kind, ID),
        of_agent("webchat", kind, ID),
    )


def test_a_call_in_a_queue_goes_under_its_queue_too():
    assert topics("queuecall_created", [AGENT], queue_id=QUEUE, service_agent_id=OTHER) == (
        topic("queuecall", ID),
        of_agent("queuecall", ID),
        topic("queuecall", "queuecall_created", ID),
        of_agent("queuecall", "queuecall_created", ID),
        topic("queue", QUEUE),
        of_agent("queue", QUEUE),
        of_agent("queue", QUEUE, agent=OTHER),
    )


@pytest.mark.parametrize(
    ("found", "written"), [({"id": ID.upper()}, ID), ({"id": 7}, "7"), ({"id": None}, NIL)]
)
def test_an_id_is_written_as_text(found, written):
    assert topics("call_created", **found)[0] == topic("call", written)


def test_a_topic_is_served_by_the_message_for_its_scope_or_else_by_the_customers():
    event = publish("queuecall_created", {"id": ID, "service_agent_id": OTHER}, CUSTOMER, [AGENT])
    assert event.serving_scope(topic("call")) == topic()
    assert event.serving_scope(of_agent("call")) == of_agent()
    assert event.serving_scope(of_agent("queue", QUEUE, agent=OTHER)) == topic()


KINDS = (
    st.sampled_from(["chat", "webchat", "aimessage", "queuecall", "call"]).map("{}_created".format)
    | st.text()
)
NAMES = ["id", "chat_id", "participants", "participant_ids", "queue_id", "service_agent_id", "session_id"]


@given(KINDS, st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from([ID, OTHER])))
def test_every_topic_is_of_a_scope_and_has_one_message_that_serves_it(kind, resource):
    event = publish(kind, resource, CUSTOMER, [AGENT])
    assert len(set(event.topics)) == len(event.topics)
    for one in event.topics:
        assert scope_of(one)
        assert event.serving_scope(one) in event.scopes
    assert STRANGER not in "".join(event.topics)
