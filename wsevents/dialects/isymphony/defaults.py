"""The default rules: how Wazo's events are mapped to iSymphony's types.

The properties of each type are those in the vendor's documentation. A property for which Wazo has no value
is null. The configuration can replace each rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsevents.dialects.isymphony.settings import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.dialects.isymphony.settings import Scalar

_CALLER: dict[str, Scalar] = {
    "callSegmentId": "data.call_id",
    "callerIdName": "data.caller_id_name",
    "callerIdNumber": "data.caller_id_number",
    "did": None,
    "extensionId": "data.line_id",
    "extensionNumber": None,
    "userId": "data.user_uuid",
    "username": None,
}
_LOGIN: dict[str, Scalar] = {
    "ip": None,
    "port": None,
    "userId": "data.user_uuid",
    "userLoginId": "data.uuid",
    "username": None,
}
_STATUS: dict[str, Scalar] = {"name": None, "returnTime": -1, "userCreated": False, "username": None}

DEFAULTS: Mapping[str, Rule] = {
    "call_created": Rule(type="dial", properties=_CALLER),
    "call_ended": Rule(type="hangup", properties=_CALLER),
    "auth_session_created": Rule(type="userLogin", properties=_LOGIN),
    "auth_session_deleted": Rule(type="userLogout", properties=_LOGIN),
    "chatd_presence_updated": Rule(
        type="userStatus",
        properties=_STATUS | {"note": "data.status", "statusType": "data.state", "userId": "data.uuid"},
    ),
    "user_status_update": Rule(
        type="userStatus",
        properties=_STATUS | {"note": None, "statusType": "data.status", "userId": "data.user_uuid"},
    ),
    "agent_status_update": Rule(
        by="data.status",
        types={"logged_in": "agentLogin", "logged_out": "agentLogout"},
        properties={
            "agent": "data.agent_number",
            "agentId": "data.agent_id",
            "extensionId": None,
            "extensionNumber": None,
            "queue": None,
            "queueId": None,
            "state": None,
            "userId": None,
            "username": None,
        },
    ),
    "conference_participant_left": Rule(
        type="confRoomCallLeave",
        properties={
            **_CALLER,
            "conferenceRoomId": "data.conference_id",
            "conferenceRoomName": None,
            "extensionId": None,
        },
    ),
}
"""Name of a Wazo event -> the rule with the most similar type, and all properties of that type."""
