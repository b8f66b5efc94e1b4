"""Makes the demo's events, with the names, ACLs and bodies of the generic event format. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define

from wsevents.core.wazo_publication import NewEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.demo.cast import Person

_ROUTES = {
    "call_created": "calls.call.created",
    "call_updated": "calls.call.updated",
    "call_answered": "calls.call.answered",
    "call_ended": "calls.call.ended",
}
_AGENT_NAMES = {"paused": "agent_paused", "unpaused": "agent_unpaused"}
_NORMAL_CLEARING, _NO_ANSWER = 16, 19  # Q.850 cause codes
_AVAILABLE, _UNAVAILABLE = 0, 4  # Asterisk hint states
_FOLDERS = {
    "created": {"id": 1, "name": "inbox", "type": "new"},
    "updated": {"id": 2, "name": "old", "type": "old"},
    "deleted": {"id": 2, "name": "old", "type": "old"},
}


@define
class Leg:
    """A leg of a call: the part of the call between one user's telephone and the telephone system.

    Attributes:
        person: the user.
        other: the person at the other end.
        call_id: id of this leg.
        other_id: id of the other leg.
        conversation_id: id of the call, which all its legs share.
        is_caller: the user made the call.
        created, answered, ended: seconds since the epoch; None: not yet.
        on_hold: the user has put the other person on hold.
    """

    person: Person
    other: Person
    call_id: str
    other_id: str
    conversation_id: str
    is_caller: bool
    created: float
    answered: float | None = None
    ended: float | None = None
    on_hold: bool = False

    def answer(self, now: float) -> None:
        """Mark the leg as answered at `now` (seconds since the epoch)."""
        self.answered = now

    @property
    def status(self) -> str:
        """The state of the channel, as Asterisk names it."""
        if self.ended is not None:
            return "Down"
        if self.answered is not None:
            return "Up"
        return "Ring" if self.is_caller else "Ringing"

    @property
    def direction(self) -> str:
        """`internal` for a call between two users of the company, else `inbound`."""
        return "internal" if self.other.uuid else "inbound"

    @property
    def duration(self) -> float | None:
        """Seconds from the answer to the end; None: the call was not answered, or has not ended."""
        if self.answered is None or self.ended is None:
            return None
        return round(self.ended - self.answered, 3)


def call(tenant: str, name: str, leg: Leg) -> NewEvent:
    """Return the call event `name` for the user of a leg."""
    data: dict[str, Any] = {
        "call_id": leg.call_id,
        "conversation_id": leg.conversation_id,
        "user_uuid": leg.person.user,
        "line_id": leg.person.id,
        "caller_id_name": leg.person.name,
        "caller_id_number": leg.person.number,
        "peer_caller_id_name": leg.other.name,
        "peer_caller_id_number": leg.other.number,
        "dialed_extension": (leg.other if leg.is_caller else leg.person).number,
        "direction": leg.direction,
        "is_caller": leg.is_caller,
        "is_video": False,
        "muted": False,
        "on_hold": leg.on_hold,
        "parked": False,
        "record_state": "inactive",
        "status": leg.status,
        "talking_to": {leg.other_id: leg.other.uuid} if leg.status == "Up" else {},
        "creation_time": _time(leg.created),
        "answer_time": _time(leg.answered),
        "hangup_time": _time(leg.ended),
    }
    if leg.ended is not None:
        data["reason_code"] = _NO_ANSWER if leg.answered is None else _NORMAL_CLEARING
    return _to_user(name, tenant, leg.person, _ROUTES[name], data)


def hold(tenant: str, leg: Leg, *, held: bool) -> NewEvent:
    """Return the event of a call that was put on hold (`held`) or resumed."""
    name, route = ("call_held", "calls.hold.created") if held else ("call_resumed", "calls.hold.deleted")
    data = {"call_id": leg.call_id, "user_uuid": leg.person.user}
    return _to_user(name, tenant, leg.person, route, data)


def missed(tenant: str, leg: Leg) -> NewEvent:
    """Return the event of a missed call, for its callee."""
    data = {
        "user_uuid": leg.person.user,
        "caller_user_uuid": leg.other.uuid,
        "caller_id_name": leg.other.name,
        "caller_id_number": leg.other.number,
        "dialed_extension": leg.person.number,
        "conversation_id": leg.conversation_id,
        "reason": "no-answer",
    }
    return _to_user("user_missed_call", tenant, leg.person, "calls.missed", data)


def log(tenant: str, leg: Leg, number: int) -> NewEvent:
    """Return the event of a new entry in a user's call log; `number` is its id, which all legs share."""
    source, destination = (leg.person, leg.other) if leg.is_caller else (leg.other, leg.person)
    user = leg.person.user
    data = {
        "id": number,
        "tenant_uuid": tenant,
        "user_uuid": user,
        "conversation_id": leg.conversation_id,
        "source_name": source.name,
        "source_extension": source.number,
        "source_user_uuid": source.uuid,
        "destination_name": destination.name,
        "destination_extension": destination.number,
        "destination_user_uuid": destination.uuid,
        "call_direction": leg.direction,
        "call_status": "unknown" if leg.answered is None else "answered",
        "date": _time(leg.created),
        "date_answer": _time(leg.answered),
        "date_end": _time(leg.ended),
        "duration": leg.duration,
    }
    route = f"call_log.user.{user}.created"
    return NewEvent("call_log_user_created", tenant, data, f"events.{route}", (user,), route)


def voicemail(tenant: str, leg: Leg, number: int, now: float, seconds: int) -> Callable[[str], NewEvent]:
    """Return a function that makes the events of one voicemail message for this leg's user.

    The function takes "created", "updated" or "deleted".

    Args:
        tenant: uuid of the tenant.
        leg: leg of the call that was not answered.
        number: number of the message.
        now: time of the message, in seconds since the epoch.
        seconds: its length.
    """
    user = leg.person.user
    message_id = f"{int(now)}-{number:08d}"

    def event(change: str) -> NewEvent:
        message = {
            "id": message_id,
            "caller_id_name": leg.other.name,
            "caller_id_num": leg.other.number,
            "duration": seconds,
            "timestamp": int(now),
            "folder": _FOLDERS[change],
        }
        data = {
            "user_uuid": user,
            "voicemail_id": leg.person.id,
            "message_id": message_id,
            "message": message,
        }
        required = f"events.users.{user}.voicemails"
        name = f"user_voicemail_message_{change}"
        return NewEvent(name, tenant, data, required, (user,), f"voicemails.messages.{change}")

    return event


def agent(tenant: str, person: Person, change: str, reason: str = "") -> NewEvent:
    """Return the event of an agent that is "logged_in", "paused", "unpaused" or "logged_out".

    `reason` is the reason of the pause.
    """
    ids = {"agent_id": person.id, "agent_number": person.agent}
    required = "events.statuses.agents"
    if change in _AGENT_NAMES:
        data = {**ids, "paused": change == "paused", "pausedReason": reason, "queue": "reception"}
        route = "status.agent.pause" if change == "paused" else "status.agent.unpause"
        return NewEvent(_AGENT_NAMES[change], tenant, data, required, (), route)
    return NewEvent("agent_status_update", tenant, {**ids, "status": change}, required, (), "status.agent")


def endpoint(tenant: str, person: Person, *, registered: bool) -> NewEvent:
    """Return the event of a telephone that registered or unregistered."""
    data = {
        "endpoint_id": person.id,
        "endpoint_name": f"sip-{person.number}",
        "registered": registered,
        "status": _AVAILABLE if registered else _UNAVAILABLE,
    }
    required = "events.statuses.endpoints"
    return NewEvent("endpoint_status_update", tenant, data, required, (), "status.endpoint")


def presence(tenant: str, person: Person, status: str) -> NewEvent:
    """Return the event of a user's new presence status."""
    data = {"user_uuid": person.user, "status": status}
    return NewEvent("user_status_update", tenant, data, "events.statuses.users", (), "status.user")


def _to_user(name: str, tenant: str, person: Person, route: str, data: dict[str, Any]) -> NewEvent:
    return NewEvent(name, tenant, data, f"events.calls.{person.user}", (person.user,), route)


def _time(when: float | None) -> str | None:
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
