"""The frames of events, in four shapes, with the event names of VoIPBIN's tutorial.

| shape | frame |
|---|---|
| seed | the tutorial's: `event_type`, `timestamp`, `topic`, `data` |
| wrapped | `type` and `data` |
| bare | the resource |
| superset | the resource, with `type` and the tutorial's four |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wsevents.dialects.voipbin.moment import stamp
from wsevents.dialects.voipbin.publication import QUEUECALL

if TYPE_CHECKING:
    from wsevents.dialects.voipbin.projection import VoipbinProjection

_NAMED = {
    "activeflow_updated": "activeflow.updated",
    "queuecall_created": "queue.joined",
    "agent_status_updated": "agent.status",
}
_CALLS = "call_"
_MESSAGE = "message_created"
_INBOUND = ("inbound", "incoming")


def names_topic(shape: str) -> bool:
    """Say whether frames of this shape contain the topic that matched."""
    return shape in {"seed", "superset"}


def event_type(kind: str, resource: dict[str, Any]) -> str:
    """Return the name of an event in the tutorial."""
    if kind.startswith(_CALLS):
        return "call.status"
    if kind == _MESSAGE and resource.get("direction") in _INBOUND:
        return "message.received"
    return _NAMED.get(kind) or kind.replace("_", ".", 1)


def tutorial_data(kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Return the resource with the additional properties that the programs of the tutorial read."""
    family = kind.partition("_")[0]
    extra = {}
    if (
        family == QUEUECALL
        and resource.get("reference_type", "call") == "call"
        and "reference_id" in resource
    ):
        extra["call_id"] = resource["reference_id"]
    if family == "agent" and "id" in resource:
        extra["agent_id"] = resource["id"]
    return extra | resource


def payload(projection: VoipbinProjection, shape: str, topic: object) -> bytes | None:
    """Return the payload of a frame; None: the resource has a value that JSON cannot represent."""
    kind, resource = projection.publication.type, projection.publication.resource
    frame: dict[str, Any]
    if shape == "bare":
        frame = resource
    elif shape == "wrapped":
        frame = {"type": kind, "data": resource}
    else:
        frame = {
            "event_type": event_type(kind, resource),
            "timestamp": stamp(projection.event.received),
            "topic": topic,
            "data": tutorial_data(kind, resource),
        }
        if shape == "superset":
            frame = {**resource, "type": kind, **frame}
    try:
        return json.dumps(frame, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):  # a number that does not fit into a float, or deep nesting
        return None
