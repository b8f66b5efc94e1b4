"""The topics of an event, in VoIPBIN's order.

VoIPBIN publishes an event as several messages: one for its customer, and one for each agent that it
concerns. The routing key of a message has the scope that the message is for. A peer gets one of the
messages: the one for the scope of the first topic that the peer subscribes to. A scope without a message
of its own is served by the message for the customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from wsevents.dialects.voipbin.identifier import NIL, canonical
from wsevents.dialects.voipbin.topic import AGENT, CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CHATS = {"chat", "chatmessage", "chatparticipant"}
_ON_BEHALF = {"aimessage": ("aicall", ("aicall_id",)), "webchat": ("webchat_session", ("session_id", "id"))}
"""Family -> the resource in the topics of its events, and the properties that may have its id, in order.

VoIPBIN publishes these topics for the customer only.
"""
QUEUE, QUEUECALL = "queue", "queuecall"
"""An event of a queued call is also published under the topics of its queue."""


@frozen(eq=False)
class Publication:
    """An event in VoIPBIN's format.

    Attributes:
        type: such as "call_created"; always has an underscore.
        customer: uuid of the customer that the event belongs to, or None.
        resource: the object that the event is about.
        topics: the topics, in order.
        scopes: the scopes that have their own message, such as "customer_id:C"; the customer is first.
    """

    type: str
    customer: str | None
    resource: dict[str, Any]
    topics: tuple[str, ...]
    scopes: tuple[str, ...]

    def serving_scope(self, topic: str) -> str:
        """Return the scope whose message is sent to the subscribers of a topic of this event."""
        kind, uuid, _ = topic.split(":", 2)
        scope = f"{kind}:{uuid}"
        return scope if scope in self.scopes else self.scopes[0]


def publish(
    kind: str, resource: dict[str, Any], customer: str | None, owners: Iterable[str]
) -> Publication | None:
    """Return the publication of an event; None: it has neither customer nor owner.

    Args:
        kind: the type of the event.
        resource: the object that the event is about.
        customer: canonical uuid of the customer, or None.
        owners: canonical uuids of the agents that the event belongs to.
    """
    family = kind.partition("_")[0]
    agents = tuple(f"{AGENT}:{owner}" for owner in dict.fromkeys(owners))
    scopes = (*((f"{CUSTOMER}:{customer}",) if customer else ()), *agents)
    if not scopes:
        return None
    others = tuple(scope for scope in _participants(family, resource) if scope not in agents)
    precise = f"{family}:{kind}:{_id(resource, 'id')}"
    subject, concerned = _subject(family, resource, scopes, customer)
    topics = [f"{scope}:{subject}" for scope in concerned]
    topics += [f"{scope}:{precise}" for scope in scopes]
    topics += [f"{scope}:{part}" for scope in others for part in (subject, precise)]
    topics += _in_queue(family, resource, scopes)
    return Publication(kind, customer, resource, tuple(dict.fromkeys(topics)), (*scopes, *others))


def _subject(
    family: str, resource: dict[str, Any], scopes: tuple[str, ...], customer: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the subject of an event, as `resource:id`, and the scopes that have a topic with it."""
    if family in _ON_BEHALF:
        name, properties = _ON_BEHALF[family]
        return f"{name}:{_id(resource, *properties)}", scopes[:1] if customer else ()
    if family in _CHATS:
        return f"chat:{_id(resource, 'chat_id', 'id')}", scopes
    return f"{family}:{_id(resource, 'id')}", scopes


def _participants(family: str, resource: dict[str, Any]) -> Sequence[str]:
    """Return the scopes of the agents that take part in a chat."""
    if family not in _CHATS:
        return ()
    found: list[str | None] = []
    for name in ("participant_ids", "participants"):
        members = resource.get(name)
        found += [_member(one) for one in members] if isinstance(members, list) else []
    return [f"{AGENT}:{uuid}" for uuid in dict.fromkeys(found) if uuid]


def _member(one: object) -> str | None:
    """Return the uuid of the agent in an entry of the participants of a chat; None: it has no uuid."""
    return canonical(one.get("owner_id") or one.get("id") if isinstance(one, dict) else one)


def _in_queue(family: str, resource: dict[str, Any], scopes: tuple[str, ...]) -> Sequence[str]:
    """Return the topics for the queue of a call: for its scopes and for the agent that serves the call."""
    if family != QUEUECALL:
        return ()
    queue, server = _id(resource, "queue_id"), canonical(resource.get("service_agent_id"))
    return [f"{scope}:{QUEUE}:{queue}" for scope in (*scopes, *((f"{AGENT}:{server}",) if server else ()))]


def _id(resource: dict[str, Any], *names: str) -> str:
    """Return the first of these properties that has an id, in the form for topics; else the nil uuid."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value and value != NIL:
            return canonical(value) or value
    return NIL
