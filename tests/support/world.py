"""A gateway's connections with Autobahn clients, all in memory and on a test clock."""

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

from wsevents.api.events import Delivery, Exchange
from wsevents.api.identity import Confirmed, Denied, Identity, WhoIs
from wsevents.api.interfaces import IAuthenticator
from wsevents.api.settings import Auth, Config, Limits, OutboundSettings
from wsevents.connections.gateway_state import GatewayState, ListenerDialects, ServedDialect
from wsevents.connections.handshake import HandshakeFactory, HandshakePolicy
from wsevents.connections.registry import Registry
from wsevents.connections.timers import Timers
from wsevents.connections.websocket import PeerFactory
from wsevents.core.admission import Admission
from wsevents.core.forwarded import proxies
from wsevents.core.send_budget import SendBudget
from wsevents.core.wazo_events import HeadersSource
from wsevents.delivery.bindings import Bindings
from wsevents.delivery.relay import DialectIndex, Relay
from wsevents.delivery.send_queue import Flusher
from wsevents.dialects.wazo import WazoDialect
from wsevents.web.site import make_site

ANN = Identity("ann", "t1", ("events.#", "websocketd"))


@implementer(IAuthenticator)
class Authority(Service):
    """Knows some tokens; with `slow`, answers only at `work`."""

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
    """Records what it receives."""

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


class ServerTransport(FakeTransport):
    """The server's transport; while it is paused, received data waits."""

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
    """The connections of a gateway with one listener, and clients of it."""

    def __init__(self, authority=None, dialects=None, bus_up=True, **settings):
        self.clock = Clock()
        self.authority = authority or Authority(T=ANN)
        limits, trusted = settings.pop("limits", Limits()), settings.pop("trusted", ())
        config = Config(limits=limits, **settings)
        self.dialects = dialects or [WazoDialect.create(None, config)]
        self.relay = Relay(
            {"wazo-headers": [HeadersSource(Exchange("wazo-headers", "headers"))]},
            [DialectIndex(dialect) for dialect in self.dialects],
        )
        self.admission = Admission(limits)
        self.gateway_state = GatewayState(
            relay=self.relay,
            bindings=Bindings(StillBus()),
            registry=Registry(),
            flusher=Flusher(
                self.clock, SendBudget(settings.get("outbound", OutboundSettings()).total_bytes), self.now
            ),
            expiry=Timers(self.clock, self.now, max_wait=1.0),
            keepalive=Timers(self.clock, self.clock.seconds),
            now=self.now,
            limits=limits,
            outbound=settings.get("outbound", OutboundSettings()),
            entropy=Random(1),
            bus_up=bus_up,
        )
        self.gateway_state.expiry.startService()
        self.gateway_state.keepalive.startService()
        self.policy = HandshakePolicy(
            self.admission,
            self.gateway_state.keepalive,
            limits.handshake_seconds,
            PeerFactory(self.gateway_state, self.clock),
            make_site(reactor=self.clock),
            self.gateway_state.session_log,
            proxies(trusted),
        )
        listener_dialects = ListenerDialects(
            "tcp:9502", [ServedDialect(dialect, self.authority) for dialect in self.dialects]
        )
        self.factory = HandshakeFactory(self.policy, listener_dialects)
        self.pumps = []

    def now(self):
        return 1000000.0 + self.clock.seconds()

    def client(self, url="ws://localhost:9502/?token=T", offers=(), **options):
        """Return a client that has requested a WebSocket and offered extensions."""
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

    def raw(self, data=b"", host="127.0.0.1", *, proxied=False):
        """Return a client that has sent these bytes from an address, to a listener for proxies or not."""
        client = Raw()
        self._connect(client, host, proxied)
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

    def _connect(self, client, host="127.0.0.1", proxied=False):
        handshake = (self.factory.proxied(self.factory) if proxied else self.factory).buildProtocol(None)
        server_address, client_address = (
            IPv4Address("TCP", "127.0.0.1", 9502),
            IPv4Address("TCP", host, 40000 + len(self.pumps)),
        )
        server_side = ServerTransport(
            handshake, isServer=True, hostAddress=server_address, peerAddress=client_address
        )
        server_side.clock = self.clock
        client_side = FakeTransport(
            client, isServer=False, hostAddress=client_address, peerAddress=server_address
        )
        self.pumps.append(connect(handshake, server_side, client, client_side))
        client.handshake = handshake
        self.run()

    def run(self, seconds=0.0):
        """Advance the clock and deliver all data sent."""
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
        """Return whether no part holds anything of a peer."""
        gateway_state = self.gateway_state
        return (
            not len(gateway_state.registry)
            and all(stage.index.empty for stage in self.relay.dialect_indexes)
            and not len(gateway_state.expiry._deadlines)
            and not len(gateway_state.keepalive._deadlines)
            and self.admission.empty
            and not gateway_state.flusher.budget.size
            and not gateway_state.flusher.budget.behind
        )
