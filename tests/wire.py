"""A house with a door, and Autobahn clients that knock at it, all in memory and on a clock of its own."""

from random import Random

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import PerMessageDeflateResponseAccept
from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.test.iosim import FakeTransport, connect
from zope.interface import implementer

from wsevents.alarms import Alarms
from wsevents.backlog import Backlog
from wsevents.dialects.wazo import WazoDialect
from wsevents.entrance.admission import Admission
from wsevents.entrance.door import DoorFactory, Doorkeeper
from wsevents.entrance.forwarded import proxies
from wsevents.house import Gate, House, Mount
from wsevents.interfaces import IAuthenticator
from wsevents.messages import Confirmed, Delivery, Denied, Exchange, Identity, WhoIs
from wsevents.outbound import Flusher
from wsevents.relay import Relay, Stage
from wsevents.roster import Roster
from wsevents.server import PeerFactory
from wsevents.settings import Auth, Config, Limits, Outbound
from wsevents.source import HeadersSource
from wsevents.upstream import Upstream
from wsevents.web.site import make_site

ANN = Identity("ann", "t1", ("events.#", "websocketd"))


@implementer(IAuthenticator)
class Authority(Service):
    """Knows some tokens; with `slow`, answers only when told to."""

    settings = Auth

    def __init__(self, **people):
        self.people, self.slow, self.asked, self.waiting = people, False, [], []

    @classmethod
    def create(cls, settings, reactor):
        return cls()

    def answer(self, question, now):
        self.asked.append(question)
        known = self.people.get(question.token, Denied("unknown"))
        if isinstance(known, Exception):
            raise known
        answer = known if isinstance(question, WhoIs) or isinstance(known, Denied) else Confirmed()
        if not self.slow:
            return succeed(answer)
        done = Deferred()
        self.waiting.append((done, question))
        return done

    def work(self):
        waiting, self.waiting = self.waiting, []
        for done, question in waiting:
            done.callback(self.people.get(question.token, Denied("unknown")))

    def revise(self, identity):
        return next(
            (known for known in self.people.values() if known.subject == identity.subject), Denied("gone")
        )

    def watch(self, changed):
        self.changed = changed


class StillBus:
    """A bus on which nothing needs to be bound."""

    def bind(self, binding):
        return succeed(None)

    unbind = bind


class Client(WebSocketClientProtocol):
    """Keeps what it hears."""

    def __init__(self):
        super().__init__()
        self.heard, self.closed, self.pongs, self.answers_pings = [], None, [], True
        self.agreed, self.received = [], 0

    def onOpen(self):
        self.agreed = self.websocket_extensions_in_use

    def dataReceived(self, data):
        self.received += len(data)
        super().dataReceived(data)

    def onMessage(self, payload, isBinary):
        self.heard.append(payload.decode())

    def onPing(self, payload):
        if self.answers_pings:
            super().onPing(payload)

    def onPong(self, payload):
        self.pongs.append(payload)

    def onClose(self, wasClean, code, reason):
        self.closed = (code, reason or "", wasClean)


class Wire(FakeTransport):
    """The server's transport; what comes while it is paused waits."""

    clock, paused, held = None, False, b""

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False
        data, self.held = self.held, b""
        if data:
            self.clock.callLater(0, self.bufferReceived, data)

    def bufferReceived(self, buf):
        if self.paused:
            self.held += buf
        else:
            super().bufferReceived(buf)


class Raw(Protocol):
    """A client that sends bytes."""

    data = b""
    lost = False

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):
        self.lost = True


class World:
    """Everything that one test needs."""

    def __init__(self, authority=None, dialects=None, bus_up=True, **settings):
        self.clock = Clock()
        self.authority = authority or Authority(T=ANN)
        limits, trusted = settings.pop("limits", Limits()), settings.pop("trusted", ())
        config = Config(limits=limits, **settings)
        self.dialects = dialects or [WazoDialect.create(None, config)]
        self.relay = Relay(
            {"wazo-headers": [HeadersSource(Exchange("wazo-headers", "headers"))]},
            [Stage(dialect) for dialect in self.dialects],
        )
        self.admission = Admission(limits)
        self.house = House(
            relay=self.relay,
            upstream=Upstream(StillBus()),
            roster=Roster(),
            flusher=Flusher(self.clock, Backlog(settings.get("outbound", Outbound()).total_bytes), self.now),
            expiry=Alarms(self.clock, self.now, longest=1.0),
            keepalive=Alarms(self.clock, self.clock.seconds),
            now=self.now,
            limits=limits,
            outbound=settings.get("outbound", Outbound()),
            entropy=Random(1),
            bus_up=bus_up,
        )
        self.house.expiry.startService()
        self.house.keepalive.startService()
        self.keeper = Doorkeeper(
            self.admission,
            self.house.keepalive,
            limits.handshake_seconds,
            PeerFactory(self.house, self.clock),
            make_site(reactor=self.clock),
            self.house.ledger,
            proxies(trusted),
        )
        gate = Gate("tcp:9502", [Mount(dialect, self.authority) for dialect in self.dialects])
        self.factory = DoorFactory(self.keeper, gate)
        self.pumps = []

    def now(self):
        return 1000000.0 + self.clock.seconds()

    def client(self, url="ws://localhost:9502/?token=T", offers=(), **options):
        """Return a client that has asked for a WebSocket, and offered extensions."""
        factory = WebSocketClientFactory(url, reactor=self.clock, **options)
        factory.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
            perMessageCompressionOffers=list(offers),
            perMessageCompressionAccept=PerMessageDeflateResponseAccept,
        )
        client = Client()
        client.factory = factory
        self._connect(client)
        return client

    def raw(self, data=b"", host="127.0.0.1", *, porch=False):
        """Return a client that has sent these bytes from an address, to a listener for proxies or not."""
        client = Raw()
        self._connect(client, host, porch)
        self.send(client, data)
        return client

    def send(self, client, data):
        client.transport.write(data)
        self.run()

    def say(self, client, text):
        client.sendMessage(
            text if isinstance(text, bytes) else text.encode(), isBinary=isinstance(text, bytes)
        )
        self.run()

    def _connect(self, client, host="127.0.0.1", porch=False):
        door = (self.factory.porch(self.factory) if porch else self.factory).buildProtocol(None)
        here, there = (
            IPv4Address("TCP", "127.0.0.1", 9502),
            IPv4Address("TCP", host, 40000 + len(self.pumps)),
        )
        server_side = Wire(door, isServer=True, hostAddress=here, peerAddress=there)
        server_side.clock = self.clock
        client_side = FakeTransport(client, isServer=False, hostAddress=there, peerAddress=here)
        self.pumps.append(connect(door, server_side, client, client_side))
        client.door = door
        self.run()

    def run(self, seconds=0.0):
        """Let time pass, and everything arrive that was sent."""
        self.clock.advance(seconds)
        for _ in range(4):
            for pump in self.pumps:
                pump.flush()
            self.clock.advance(0)

    def publish(self, name="e", body=b'{"a": 1}', tenant="t1", required="events.e"):
        headers = {"name": name, "tenant_uuid": tenant, "user_uuid:*": True, "required_acl": required}
        self.relay.delivered(Delivery(body, headers, "wazo-headers", "", self.now()))
        self.run()

    def is_empty(self):
        """Nothing of any peer is left anywhere."""
        house = self.house
        return (
            not len(house.roster)
            and all(stage.index.empty for stage in self.relay.stages)
            and not len(house.expiry._deadlines)
            and not len(house.keepalive._deadlines)
            and self.admission.empty
            and not house.flusher.backlog.size
            and not house.flusher.backlog.behind
        )
