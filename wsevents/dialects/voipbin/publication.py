"""What is published: an event's resource, and the topics that it goes under, in VoIPBIN's order.

VoIPBIN publishes an event once for its customer and once for each agent that it concerns, as messages
of their own. Each of them says where it is from, and a peer is served by one of them alone: that of
the first topic that it subscribes to. What has no message of its own is served by the customer's.
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
"""Family -> the resource that its events are published under in place of their own, for the customer
alone, and the properties that have its id, the first that is there."""
QUEUE, QUEUECALL = "queue", "queuecall"
"""A call in a queue is also published under its queue."""


@frozen(eq=False)
class Publication:
    """An event as VoIPBIN's clients know it.

    Attributes:
        type: such as "call_created"; it has an underscore.
        customer: uuid of whom it belongs to, or None.
        resource: the object it is about.
        topics: what it is published under, in order.
        places: the scopes, as "customer_id:C", that have a message of their own; the customer's is first.
    """

    type: str
    customer: str | None
    resource: dict[str, Any]
    topics: tuple[str, ...]
    places: tuple[str, ...]

    def home(self, topic: str) -> str:
        """Return the scope whose message serves those who subscribe to this topic of it."""
        scope, uuid, _ = topic.split(":", 2)
        place = f"{scope}:{uuid}"
        return place if place in self.places else self.places[0]


def publish(
    kind: str, resource: dict[str, Any], customer: str | None, owners: Iterable[str]
) -> Publication | None:
    """Return what an event is published as; None: it is for nobody.

    Args:
        kind: its type.
        resource: what it is about.
        customer: uuid of its customer, canonical; None: there is none.
        owners: uuids of the agents that it belongs to, canonical.
    """
    family = kind.partition("_")[0]
    agents = tuple(f"{AGENT}:{owner}" for owner in dict.fromkeys(owners))
    places = (*((f"{CUSTOMER}:{customer}",) if customer else ()), *agents)
    if not places:
        return None
    others = tuple(place for place in _participants(family, resource) if place not in agents)
    precise = f"{family}:{kind}:{_id(resource, 'id')}"
    subject, concerned = _subject(family, resource, places, customer)
    topics = [f"{place}:{subject}" for place in concerned]
    topics += [f"{place}:{precise}" for place in places]
    topics += [f"{place}:{what}" for place in others for what in (subject, precise)]
    topics += _in_queue(family, resource, places)
    return Publication(kind, customer, resource, tuple(dict.fromkeys(topics)), (*places, *others))


def _subject(
    family: str, resource: dict[str, Any], places: tuple[str, ...], customer: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return what an event is about, as `resource:id`, and the scopes that are told so."""
    if family in _ON_BEHALF:
        name, properties = _ON_BEHALF[family]
        return f"{name}:{_id(resource, *properties)}", places[:1] if customer else ()
    if family in _CHATS:
        return f"chat:{_id(resource, 'chat_id', 'id')}", places
    return f"{family}:{_id(resource, 'id')}", places


def _participants(family: str, resource: dict[str, Any]) -> Sequence[str]:
    """Return the scopes of the agents who take part in a chat."""
    if family not in _CHATS:
        return ()
    found: list[str | None] = []
    for name in ("participant_ids", "participants"):
        members = resource.get(name)
        found += [_member(one) for one in members] if isinstance(members, list) else []
    return [f"{AGENT}:{uuid}" for uuid in dict.fromkeys(found) if uuid]


def _member(one: object) -> str | None:
    """Return the uuid of the agent that an entry of a chat's participants names."""
    return canonical(one.get("owner_id") or one.get("id") if isinstance(one, dict) else one)


def _in_queue(family: str, resource: dict[str, Any], places: tuple[str, ...]) -> Sequence[str]:
    """Return the topics of the queue that a call is in: of its scopes, and of the agent who serves it."""
    if family != QUEUECALL:
        return ()
    queue, server = _id(resource, "queue_id"), canonical(resource.get("service_agent_id"))
    return [f"{place}:{QUEUE}:{queue}" for place in (*places, *((f"{AGENT}:{server}",) if server else ()))]


def _id(resource: dict[str, Any], *names: str) -> str:
    """Return the first of these properties that has an id, as it is written in a topic."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value and value != NIL:
            return canonical(value) or value
    return NIL
