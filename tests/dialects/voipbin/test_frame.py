"""Frames in their four shapes, and the tutorial's names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.voipbin.test_command import JSON
from tests.support.voipbin import CUSTOMER, call, topic
from wsevents.api.events import Body, Event
from wsevents.dialects.voipbin.frame import event_type, payload
from wsevents.dialects.voipbin.projection import project_own
from wsevents.dialects.voipbin.settings import SHAPES

WHEN = 1768905000.0
TOPIC = topic("call", "x")


def projected(kind, resource):
    raw = json.dumps({"type": kind, "data": resource}).encode()
    return project_own(Event("voipbin", kind, Body(raw), None, CUSTOMER, received=WHEN))


def frame(shape, kind="call_progressing", resource=None, where=TOPIC):
    return json.loads(payload(projected(kind, resource or call()), shape, where))


def test_the_tutorials_shape():
    assert frame("seed") == {
        "event_type": "call.status",
        "timestamp": "2026-01-20T10:30:00.000000Z",
        "topic": TOPIC,
        "data": call(),
    }


def test_the_wrapped_shape():
    assert frame("wrapped") == {"type": "call_progressing", "data": call()}


def test_the_bare_shape():
    assert frame("bare") == call()


def test_the_superset_is_all_of_them_at_once():
    assert frame("superset") == {
        **call(),
        "type": "call_progressing",
        "event_type": "call.status",
        "timestamp": "2026-01-20T10:30:00.000000Z",
        "topic": TOPIC,
        "data": call(),
    }


@pytest.mark.parametrize(
    ("kind", "resource", "name"),
    [
        ("call_created", {}, "call.status"),
        ("call_progressing", {}, "call.status"),
        ("call_hangup", {}, "call.status"),
        ("message_created", {"direction": "inbound"}, "message.received"),
        ("message_created", {"direction": "incoming"}, "message.received"),
        ("message_created", {"direction": "outbound"}, "message.created"),
        ("message_created", {}, "message.created"),
        ("message_created", {"direction": []}, "message.created"),
        ("message_updated", {"direction": "inbound"}, "message.updated"),
        ("activeflow_updated", {}, "activeflow.updated"),
        ("activeflow_created", {}, "activeflow.created"),
        ("queuecall_created", {}, "queue.joined"),
        ("queuecall_done", {}, "queuecall.done"),
        ("agent_status_updated", {}, "agent.status"),
        ("agent_updated", {}, "agent.updated"),
        ("conversation_message_created", {}, "conversation.message_created"),
        ("groupcall_created", {}, "groupcall.created"),
    ],
)
def test_the_tutorials_name_of_an_event(kind, resource, name):
    assert event_type(kind, resource) == name


def test_the_tutorials_programs_find_what_voipbin_calls_otherwise():
    queued = {"id": "q", "reference_id": "c", "reference_type": "call"}
    assert frame("superset", "queuecall_created", queued)["data"] == queued | {"call_id": "c"}
    assert "call_id" not in frame("seed", "queuecall_created", queued | {"reference_type": "chat"})["data"]
    assert frame("seed", "queuecall_created", queued | {"call_id": "x"})["data"]["call_id"] == "x"
    assert frame("seed", "agent_status_updated", {"id": "a"})["data"] == {"id": "a", "agent_id": "a"}
    assert "call_id" not in frame("wrapped", "queuecall_created", queued)["data"]


def test_a_number_that_json_has_not_is_dropped():
    big = projected("call_created", {})
    big.event.body.json["data"]["n"] = float("inf")
    big.publication.resource["n"] = float("inf")
    assert payload(big, "superset", TOPIC) is None


@given(st.sampled_from(SHAPES), st.text(), st.dictionaries(st.text(), JSON))
def test_every_frame_is_json_in_utf8_with_the_resource_in_it(shape, kind, resource):
    found = frame(shape, kind, resource | {"id": "i"})
    assert found.get("id") == "i" or found["data"]["id"] == "i"
