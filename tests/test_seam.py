"""The plug-in interfaces suit five protocols: five toy dialects run through session, index and relay.

Each toy has the special requirements of its protocol (docs/architecture.md has the table). If a toy needed an
`if` outside its own class, the interfaces would be wrong.
"""

import json
from random import Random

from attrs import frozen
from zope.interface import implementer
from zope.interface.verify import verifyObject

from wsevents.api.close_reasons import DROPPED, PROTOCOL_ERROR
from wsevents.api.effects import Accept, Ask, Close, ConnectionPolicy, Respond, Send, Subscribe
from wsevents.api.events import Binding, Body, Delivery, Dropped, Event, Exchange
from wsevents.api.identity import Denied, Identity, WhoIs
from wsevents.api.interests import IInterest, IProjection
from wsevents.api.interfaces import IDialect, ISession
from wsevents.api.requests import Request
from wsevents.api.session import BaseSession
from wsevents.core.acl import compile_acl
from wsevents.delivery.relay import DialectIndex, Relay


@implementer(IProjection)
@frozen(eq=False)
class Projection:
    event: Event
    addresses: tuple
    topics: tuple = ()


@implementer(IInterest)
@frozen(cache_hash=True)
class Interest:
    addresses: tuple
    shape: object = "json"
    wanted: object = None
    bindings: tuple = ()

    def choose(self, projection):
        return True if self.wanted is None else self.wanted(projection)


@frozen
class AclCheck:
    """Compared by value, so that equal checks make one audience."""

    access: object
    me: str

    def __call__(self, projection):
        return self.access.may_see(projection.event.required, self.me) or None


class Toy:
    """The common attributes of the toys."""

    settings, sources, policy, authority = dict, (), ConnectionPolicy(), ""
    default, page, demo = False, None, None

    @classmethod
    def create(cls, settings, config):
        return cls()

    @classmethod
    def greeting(cls, settings, base_url, now):
        return ()

    def serves(self, path):
        return path == f"/{self.name}"


# -- 1: credentials after the upgrade, an ACL per event, raw and wrapped frames


@implementer(IDialect)
class Wazo(Toy):
    name = "wazo"

    def session(self, request, entropy):
        return WazoSession(request.query)

    def project(self, event):
        return Projection(event, (("tenant", event.tenant, event.name), ("tenant", event.tenant, "*")))

    def encode(self, projection, shape, variant):
        raw = projection.event.body.raw
        return raw if shape == "v1" else b'{"data": ' + raw + b"}"


class WazoSession(BaseSession):
    def __init__(self, query):
        self.query = query

    def opened(self, now):
        return (Ask(1, WhoIs(self.query["token"][0])),)

    def answered(self, id, answer, now):
        self.identity = answer
        return (Send("init"),)

    def received(self, message, now):
        check = AclCheck(compile_acl(self.identity.acl), self.identity.subject)
        address = ("tenant", self.identity.tenant, message)
        return (Subscribe(frozenset({Interest((address,), self.query["version"][0], check)})),)


# -- 2: credentials before the upgrade, topic prefixes, the topic that matched is in the frame


@implementer(IDialect)
class Voipbin(Toy):
    name = "voipbin"

    def session(self, request, entropy):
        return VoipbinSession(request.headers.get("authorization"))

    def project(self, event):
        topics = (f"customer_id:{event.tenant}:call:1", f"agent_id:{event.tenant}:call:1")
        return Projection(event, (("customer", event.tenant),), topics)

    def encode(self, projection, shape, variant):
        return json.dumps({"topic": variant, "data": projection.event.body.json}).encode()


@frozen
class Prefixes:
    prefixes: tuple

    def __call__(self, projection):
        return next((topic for topic in projection.topics if topic.startswith(self.prefixes)), None)


class VoipbinSession(BaseSession):
    def __init__(self, key):
        self.key = key

    def requested(self, now):
        return (Ask(1, WhoIs(self.key or "")),)

    def answered(self, id, answer, now):
        if isinstance(answer, Denied):
            return (Respond(401, (("Content-Type", "application/json"),), b'{"error": {}}'),)
        self.identity = answer
        return (Accept(),)

    def received(self, message, now):
        if isinstance(message, bytes):
            return (Close(DROPPED),)
        address = ("customer", self.identity.tenant)
        return (Subscribe(frozenset({Interest((address,), "superset", Prefixes(tuple(message.split())))})),)


# -- 3: the peer's address decides, filters on properties, keys sorted


@implementer(IDialect)
class Isymphony(Toy):
    name = "isymphony"

    def session(self, request, entropy):
        return IsymphonySession(request.address)

    def project(self, event):
        kind = (event.body.json or {}).get("type")
        return Projection(event, (("type", kind), ("type", "*")))

    def encode(self, projection, shape, variant):
        return json.dumps(projection.event.body.json, sort_keys=True).encode()


@frozen
class Filters:
    wanted: tuple

    def __call__(self, projection):
        fields = projection.event.body.json
        return all(str(fields.get(name)) == value for name, value in self.wanted) or None


class IsymphonySession(BaseSession):
    def __init__(self, address):
        self.address = address

    def requested(self, now):
        return (Accept(),) if self.address == "127.0.0.1" else (Respond(403),)

    def opened(self, now):
        return (Subscribe(frozenset({Interest((("type", "*"),))})),)

    def received(self, message, now):
        filters = json.loads(message)
        address = ("type", filters.pop("type", "*"))
        interest = Interest((address,), "json", Filters(tuple(sorted(filters.items()))))
        return (Send('{"type": "success"}'), Subscribe(frozenset({interest})))


# -- 4: many subscriptions, a frame for each that matches, bound upstream before the reply


@implementer(IDialect)
class Kazoo(Toy):
    name = "kazoo"

    def session(self, request, entropy):
        return KazooSession()

    def project(self, event):
        return Projection(event, (("call", "*"), ("call", event.name)))

    def encode(self, projection, shape, variant):
        return json.dumps({"subscribed_key": shape, "name": projection.event.name}).encode()


class KazooSession(BaseSession):
    def __init__(self):
        self.keys = []

    def received(self, message, now):
        self.keys.append(message)
        kept = {
            Interest((("call", key.split(".")[1]),), key, None, (Binding("callevt", key),))
            for key in self.keys
        }
        return (Subscribe(frozenset(kept), id=len(self.keys)),)

    def subscribed(self, id, live, now):
        return (Send(json.dumps({"subscribed": self.keys[:id]})),)


# -- 5: a challenge made of passed-in randomness, a subscription's src in each frame, small frames


@implementer(IDialect)
class Innovaphone(Toy):
    name = "innovaphone"
    policy = ConnectionPolicy(frame_max=16, pong_deadline=0)

    def session(self, request, entropy):
        return InnovaphoneSession(f"{entropy.getrandbits(64):016x}")

    def project(self, event):
        return Projection(event, (("name", event.name),))

    def encode(self, projection, shape, variant):
        return json.dumps({"mt": "Event", "src": shape, "name": projection.event.name}).encode()


class InnovaphoneSession(BaseSession):
    def __init__(self, challenge):
        self.challenge, self.interests = challenge, set()

    def received(self, message, now):
        fields = json.loads(message)
        if fields["mt"] == "AppChallenge":
            return (Send(json.dumps({"mt": "AppChallengeResult", "challenge": self.challenge})),)
        if fields["mt"] == "AppLogin" and fields["digest"] != self.challenge[::-1]:
            return (Send('{"mt": "AppLoginResult"}'), Close(PROTOCOL_ERROR))
        self.interests.add(Interest((("name", fields.get("event")),), fields.get("src")))
        return (Subscribe(frozenset(self.interests)),)


# -- the harness: the server without a socket


class Source:
    name, exchange, bindings = "toy", Exchange("x", "topic"), ()

    def decode(self, delivery):
        tenant, name, required = delivery.key.split(" ")
        return (
            Event("toy", name, Body(delivery.body), required, tenant) if name != "-" else Dropped("no name")
        )


class Peer:
    def __init__(self, gateway_state, dialect, request):
        self.gateway_state, self.dialect = gateway_state, dialect
        self.sent, self.bound, self.ended = [], [], None
        self.session = dialect.session(request, Random(7))
        assert verifyObject(ISession, self.session)
        self.do(self.session.requested(0.0))
        if self.ended is None:
            self.do(self.session.opened(0.0))

    def say(self, message):
        self.do(self.session.received(message, 0.0))

    def do(self, effects):
        for effect in effects:
            match effect:
                case Send(text):
                    self.sent.append(text)
                case Subscribe(interests, number):
                    changes = self.gateway_state.relay.subscribe(self.dialect, self, interests)
                    self.bound += changes.bindings[0]
                    if number is not None:
                        self.do(self.session.subscribed(number, True, 0.0))
                case Ask(number, question):
                    self.do(
                        self.session.answered(
                            number, self.gateway_state.people.get(question.token, Denied("?")), 0.0
                        )
                    )
                case Accept():
                    pass
                case Respond() | Close():
                    self.ended = effect
                    self.gateway_state.relay.subscribe(self.dialect, self, frozenset())

    def event(self, message):
        self.sent.append(message.plain)

    def frames(self):
        """Return the payloads of the text messages that were queued."""
        payloads, message = [], b""
        for frame in (b"".join(part for part in self.sent if isinstance(part, bytes)),):
            while frame:
                length, final = frame[1], frame[0] & 0x80
                assert length < 126
                message += frame[2 : 2 + length]
                frame = frame[2 + length :]
                if final:
                    payloads.append(message.decode())
                    message = b""
        return payloads


class GatewayState:
    def __init__(self):
        self.dialects = {toy.name: toy() for toy in (Wazo, Voipbin, Isymphony, Kazoo, Innovaphone)}
        self.relay = Relay({"x": [Source()]}, [DialectIndex(dialect) for dialect in self.dialects.values()])
        self.people = {
            "ann": Identity("ann", "t1", ("calls.me",)),
            "bob": Identity("bob", "t1", ("calls.#",)),
            "eve": Identity("eve", "t2", ("calls.#",)),
        }

    def peer(self, path, query=None, headers=None, address="127.0.0.1"):
        dialect = next(dialect for dialect in self.dialects.values() if dialect.serves(path))
        return Peer(self, dialect, Request(path, query or {}, headers or {}, address))

    def publish(self, key, **body):
        self.relay.delivered(Delivery(json.dumps(body).encode(), {}, "x", key, 0.0))


def test_each_toy_provides_the_interface():
    for dialect in GatewayState().dialects.values():
        assert verifyObject(IDialect, dialect)


def test_wazo_decides_by_acl_and_shares_frames_by_version():
    gateway_state = GatewayState()
    peers = [
        gateway_state.peer("/wazo", {"token": (token,), "version": (version,)})
        for token, version in [("ann", "v1"), ("bob", "v1"), ("bob", "v2"), ("eve", "v1")]
    ]
    for peer in peers:
        peer.say("*")
    gateway_state.publish("t1 created calls.ann", a=1)
    assert [peer.frames() for peer in peers] == [['{"a": 1}'], ['{"a": 1}'], ['{"data": {"a": 1}}'], []]
    gateway_state.publish("t1 created calls.bob", a=2)
    assert [len(peer.frames()) for peer in peers] == [1, 2, 2, 0]


def test_voipbin_is_rejected_before_the_upgrade_and_gets_one_frame_with_its_topic():
    gateway_state = GatewayState()
    assert gateway_state.peer("/voipbin").ended == Respond(
        401, (("Content-Type", "application/json"),), b'{"error": {}}'
    )
    peer = gateway_state.peer("/voipbin", headers={"authorization": "ann"})
    peer.say("agent_id:t1 customer_id:t1:call")
    gateway_state.publish("t1 x y", a=1)
    assert peer.frames() == ['{"topic": "customer_id:t1:call:1", "data": {"a": 1}}']
    peer.say(b"binary")
    gateway_state.publish("t1 x y", a=2)
    assert peer.ended == Close(DROPPED)
    assert len(peer.frames()) == 1


def test_isymphony_filters_by_property_after_an_address_check():
    gateway_state = GatewayState()
    assert gateway_state.peer("/isymphony", address="10.0.0.1").ended == Respond(403)
    peer = gateway_state.peer("/isymphony")
    gateway_state.publish("t x y", type="dial", user="b")
    peer.say('{"type": "dial", "user": "mikey"}')
    gateway_state.publish("t x y", type="dial", user="b")
    gateway_state.publish("t x y", user="mikey", type="dial")
    gateway_state.publish("t x y", user="mikey", type="hangup")
    assert peer.frames() == ['{"type": "dial", "user": "b"}', '{"type": "dial", "user": "mikey"}']


def test_kazoo_gets_a_frame_for_each_subscription_and_a_reply_when_it_is_live():
    gateway_state = GatewayState()
    peer, other = gateway_state.peer("/kazoo"), gateway_state.peer("/kazoo")
    peer.say("call.*.*")
    peer.say("call.CREATE.*")
    other.say("call.CREATE.*")
    assert peer.sent == ['{"subscribed": ["call.*.*"]}', '{"subscribed": ["call.*.*", "call.CREATE.*"]}']
    assert peer.bound == [Binding("callevt", "call.*.*"), Binding("callevt", "call.CREATE.*")]
    gateway_state.publish("t CREATE y")
    assert sorted(peer.frames()) == [
        '{"subscribed_key": "call.*.*", "name": "CREATE"}',
        '{"subscribed_key": "call.CREATE.*", "name": "CREATE"}',
    ]
    assert other.frames() == ['{"subscribed_key": "call.CREATE.*", "name": "CREATE"}']


def test_innovaphone_gets_its_src_back_in_frames_of_limited_size():
    gateway_state = GatewayState()
    peer = gateway_state.peer("/innovaphone")
    peer.say('{"mt": "AppChallenge"}')
    challenge = json.loads(peer.sent[-1])["challenge"]
    peer.say(json.dumps({"mt": "AppLogin", "digest": challenge[::-1]}))
    peer.say('{"mt": "Subscribe", "src": "s1", "event": "e"}')
    peer.say('{"mt": "Subscribe", "src": "s2", "event": "e"}')
    gateway_state.publish("t e y")
    assert sorted(peer.frames()) == [
        '{"mt": "Event", "src": "s1", "name": "e"}',
        '{"mt": "Event", "src": "s2", "name": "e"}',
    ]


def test_all_five_receive_the_same_event_and_are_removed_afterwards():
    gateway_state = GatewayState()
    peers = [
        gateway_state.peer("/wazo", {"token": ("bob",), "version": ("v1",)}),
        gateway_state.peer("/voipbin", headers={"authorization": "bob"}),
        gateway_state.peer("/isymphony"),
        gateway_state.peer("/kazoo"),
        gateway_state.peer("/innovaphone"),
    ]
    for peer, wish in zip(
        peers, ["*", "customer", "{}", "call.*.*", '{"mt": "S", "event": "e"}'], strict=True
    ):
        peer.say(wish)
    gateway_state.publish("t1 e calls.x", type="dial")
    assert [len(peer.frames()) for peer in peers] == [1] * 5
    for peer in peers:
        gateway_state.relay.subscribe(peer.dialect, peer, frozenset())
    assert all(served.index.empty for served in gateway_state.relay.dialect_indexes)
    assert gateway_state.relay.stats.delivered == 5
