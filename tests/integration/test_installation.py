"""The gateway as it is installed: twistd, TLS, a real RabbitMQ, and a wazo-auth."""

import json
from base64 import b64encode
from contextlib import ExitStack, asynccontextmanager

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from websockets.exceptions import ConnectionClosed
from zope.interface import implementer

from tests.support.certificates import write_pair
from tests.support.gateway_process import DEADLINE, TWISTD, GatewayProcess, loud_twistd
from tests.support.wazo_auth import WazoAuth
from wsevents.api.events import Exchange
from wsevents.api.interfaces import IBusListener
from wsevents.buses.amqp import AmqpBus

CONFIG = """
listen: ["ssl:0:interface=127.0.0.1:privateKey={key}:certKey={crt}"]
drain: {{seconds: 0}}
origin_uuid: here
bus: {{endpoint: "{endpoint}", exchange_name: {exchange}, exchange_type: {kind}}}
auth:
  host: 127.0.0.1
  port: {port}
  service_id: gateway
  service_key: opensesame
  check_strategy: {strategy}
  check_static_interval: 1
"""
SUBSCRIBE = '{"op": "subscribe", "data": {"event_name": "*"}}'
START = '{"op": "start"}'


@implementer(IBusListener)
class Deaf:
    """Waits until the bus is up; ignores everything else."""

    def __init__(self):
        self.up = Deferred()

    def delivered(self, delivery):
        pass

    def events_lost(self, why):
        pass

    def bus_lost(self, why):
        pass

    def bus_back(self):
        if not self.up.called:
            self.up.callback(None)

    def bus_failed(self, why):
        pass


class Site:
    """A broker, a wazo-auth, a publisher and a gateway; the last in a process of its own."""

    def __init__(self, broker, folder, exchange, kind="headers", strategy="dynamic", twistd=(TWISTD,)):
        from twisted.internet import reactor

        self.reactor, self.broker, self.folder = reactor, broker, folder
        self.exchange, self.kind, self.strategy = exchange, kind, strategy
        self.twistd, self.auth = twistd, WazoAuth(reactor)
        self.bus = self.gateway = None
        self.clients = ExitStack()

    async def start(self):
        self.auth.start()
        self.auth.issue("T-user", uuid="u1", tenant="t1")
        self.auth.issue("T-admin", uuid="a1", tenant="t1", admin=True)
        self.auth.issue("T-other", uuid="u9", tenant="t9")
        self.auth.issue("T-master", uuid="m1", tenant=self.auth.master)
        await self.connect_publisher()
        key, crt = write_pair(self.folder)
        text = CONFIG.format(
            key=key,
            crt=crt,
            endpoint=self.broker.endpoint,
            exchange=self.exchange,
            kind=self.kind,
            port=self.auth.port,
            strategy=self.strategy,
        )
        self.gateway = GatewayProcess(self.folder, text, self.twistd)
        await deferToThread(self.gateway.ready)
        return self

    async def connect_publisher(self):
        listener = Deaf()
        self.bus = AmqpBus.create(AmqpBus.settings(endpoint=self.broker.endpoint), self.reactor)
        self.bus.attach(listener, [Exchange(self.exchange, self.kind)], [])
        self.bus.startService()
        await listener.up

    async def stop(self):
        await deferToThread(self.clients.close)
        if self.gateway is not None:
            await deferToThread(self.gateway.stop)
        if self.bus is not None:
            await self.bus.stopService()
        await self.auth.stop()

    async def publish(self, name, headers=None, **body):
        everyone = {
            "tenant_uuid": "t1",
            "user_uuid:*": True,
            "required_acl": f"events.{name}",
            "origin_uuid": "here",
        }
        sent = {"name": name} | (everyone if headers is None else headers)
        data = json.dumps({"name": name} | body).encode()
        await self.bus.publish(self.exchange, "some.key", sent if self.kind == "headers" else {}, data)

    async def connect(self, target, **options):
        """Return a client that is closed with the site, if nothing closes it earlier."""
        return await deferToThread(
            lambda: self.clients.enter_context(self.gateway.connect(target, **options))
        )

    async def client(self, token="T-user", version=2):
        """Return a client that has subscribed to everything and started."""
        client = await self.connect(f"/?token={token}&version={version}")
        for text in (SUBSCRIBE, START):
            await deferToThread(client.send, text)
        for op in ("init", "subscribe", "start"):
            assert (await receive(client))["op"] == op
        return client


async def receive(client):
    return json.loads(await deferToThread(client.recv, DEADLINE))


async def closed(client):
    """Return code and reason of the close frame that ends the client's connection."""

    def hear():
        try:
            while True:
                client.recv(DEADLINE)
        except ConnectionClosed as end:
            return end.rcvd.code, end.rcvd.reason

    return await deferToThread(hear)


async def sees(site, clients, name, headers=None, **body):
    """Publish an event, then one for each client alone; return who saw the first."""
    await site.publish(name, headers, **body)
    await site.publish(
        "end", {"required_acl": None, "origin_uuid": "here", "tenant_uuid": "t1", "user_uuid:*": True}
    )
    await site.publish(
        "end", {"required_acl": None, "origin_uuid": "here", "tenant_uuid": "t9", "user_uuid:*": True}
    )
    seen = set()
    for who, client in clients.items():
        count = 2 if who == "master" else 1
        while count:
            event = (await receive(client))["data"]
            if event["name"] == "end":
                count -= 1
            else:
                seen.add(who)
    return seen


@asynccontextmanager
async def running(broker, folder, **options):
    """Give a site with an exchange of its own."""
    it = Site(broker, folder, f"wazo-headers-{folder.name}", **options)
    try:
        yield await it.start()
    finally:
        await it.stop()


@async_yield_fixture
async def site(rabbitmq, tmp_path):
    async with running(rabbitmq, tmp_path) as it:
        yield it


@ensureDeferred
async def test_each_sees_what_tenant_user_and_acl_allow(site):
    site.auth.issue("T-poor", uuid="u1", tenant="t1", acl=["websocketd", "events.other"])
    tokens = {
        "user": "T-user",
        "admin": "T-admin",
        "other": "T-other",
        "master": "T-master",
        "poor": "T-poor",
    }
    clients = {who: await site.client(token) for who, token in tokens.items()}
    here = {"origin_uuid": "here", "required_acl": "events.x"}
    assert await sees(site, clients, "x") == {"user", "admin", "master"}
    own = here | {"tenant_uuid": "t1", "user_uuid:u1": True}
    assert await sees(site, clients, "x", own) == {"user", "admin", "master"}
    origin_refused = here | {"tenant_uuid": "t1", "user_uuid:u2": True}
    assert await sees(site, clients, "x", origin_refused) == {"admin", "master"}
    assert await sees(site, clients, "x", here | {"tenant_uuid": "t1"}) == {"admin", "master"}
    assert await sees(site, clients, "x", here) == {"master"}
    assert await sees(site, clients, "x", own | {"origin_uuid": "there"}) == set()
    assert (
        await sees(site, clients, "x", {"origin_uuid": "here", "tenant_uuid": "t1", "user_uuid:*": True})
        == set()
    )
    everyone = {"origin_uuid": "here", "required_acl": None, "tenant_uuid": "t1", "user_uuid:*": True}
    assert await sees(site, clients, "x", everyone) == {"user", "poor", "admin", "master"}
    for client in clients.values():
        await deferToThread(client.close)


@ensureDeferred
async def test_version_1_gets_any_body_to_the_byte(site):
    client = await site.client(version=1)
    body = b'{ "name":"x",\n "text": "' + "é€😀".encode() * 50000 + b'" }'
    headers = {
        "name": "x",
        "tenant_uuid": "t1",
        "user_uuid:*": True,
        "required_acl": None,
        "origin_uuid": "here",
    }
    for bad in (b"\xff\xfe", b"[]", b"not json"):
        await site.bus.publish(site.exchange, "", headers, bad)
    await site.bus.publish(site.exchange, "", headers, body)
    assert (await deferToThread(client.recv, DEADLINE)).encode() == body
    await deferToThread(client.close)


@ensureDeferred
async def test_a_broker_that_restarts_closes_peers_and_serves_them_again(site):
    client = await site.client()
    down = len(site.gateway.log)
    await site.broker.stop()
    assert await closed(client) == (1011, "bus connection lost")
    newcomer = await site.connect("/?token=T-user")
    assert await closed(newcomer) == (1011, "bus connection error")
    stranger = await site.connect("/?token=wrong")
    assert await closed(stranger) == (4002, "authentication failed")
    await site.broker.start()
    await serves_again(site, down)


@ensureDeferred
async def test_a_connection_that_the_broker_closes_is_made_again(site):
    client = await site.client()
    down = len(site.gateway.log)
    await site.broker.close_connections()
    assert await closed(client) == (1011, "bus connection lost")
    await serves_again(site, down)


async def serves_again(site, down):
    """Check that the gateway finds the broker again; what it had said when it lost it was so long."""
    await deferToThread(site.gateway.ready, down)
    await site.bus.stopService()
    await site.connect_publisher()
    client = await site.client()
    await site.publish("again")
    assert (await receive(client))["data"]["name"] == "again"
    await deferToThread(client.close)


@ensureDeferred
async def test_while_the_bus_is_down_tokens_are_remembered(site):
    client = await site.client()
    await site.broker.stop()
    await closed(client)
    asked = len(site.auth.requests)
    for _ in range(5):
        newcomer = await site.connect("/?token=T-user")
        assert await closed(newcomer) == (1011, "bus connection error")
    assert len(site.auth.requests) <= asked + 1
    await site.broker.start()


@ensureDeferred
async def test_a_token_that_expires_is_closed_and_one_that_is_renewed_is_not(site):
    # What the client sends is there before wazo-auth has answered, so no deadline is to be beaten.
    site.auth.issue("T-renewed", uuid="u1", tenant="t1", lasts=2)
    site.auth.issue("T-short", uuid="u1", tenant="t1", lasts=2)
    site.auth.hang = True
    asked = len(site.auth.requests)
    renewed = await site.connect("/?token=T-renewed&version=2")
    for text in ('{"op": "token", "data": {"token": "T-user"}}', SUBSCRIBE, START):
        await deferToThread(renewed.send, text)
    await site.auth.requested(asked + 1)
    site.auth.release()
    for op in ("init", "token", "subscribe", "start"):
        assert (await receive(renewed))["op"] == op
    assert [request.token for request in site.auth.requests[asked:]] == ["T-renewed", "T-user"]
    # It was first given out later, so the other's time is over when its own is.
    short = await site.connect("/?token=T-short")
    assert await closed(short) == (4003, "authentication expired")
    await site.publish("x")
    assert (await receive(renewed))["data"]["name"] == "x"
    await deferToThread(renewed.close)


@ensureDeferred
async def test_a_wazo_auth_that_is_down_refuses_newcomers_and_throws_nobody_out(rabbitmq, tmp_path):
    async with running(rabbitmq, tmp_path, strategy="static") as site:
        client = await site.client()
        site.auth.issue("T-short", uuid="u1", tenant="t1", lasts=5)
        short = await site.connect("/?token=T-short")
        assert (await receive(short))["op"] == "init"
        await site.auth.stop()
        # The strategy asks every second.
        await deferToThread(site.gateway.wait_for, "is unavailable")
        newcomer = await site.connect("/?token=T-other")
        assert await closed(newcomer) == (4002, "authentication failed")
        assert await closed(short) == (4003, "authentication expired")
        await site.publish("x")
        assert (await receive(client))["data"]["name"] == "x"


@pytest.mark.parametrize("loud", [False, True])
@ensureDeferred
async def test_nothing_secret_is_in_the_log_and_no_traceback(rabbitmq, tmp_path, loud):
    policy = f"keeper-{tmp_path.name}"
    await rabbitmq.add_user(policy, "T-password")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-bus.yml").write_text(f"bus: {{username: {policy}, password: T-password}}")
    twistd = {"twistd": loud_twistd(tmp_path)} if loud else {}
    async with running(rabbitmq, tmp_path, **twistd) as site:
        client = await site.client()
        await deferToThread(client.send, '{"op": "token", "data": {"token": "T-other"}}')
        assert (await receive(client))["op"] == "token"
        await site.publish(
            "x", {"required_acl": None, "origin_uuid": "here", "tenant_uuid": "t9", "user_uuid:*": True}
        )
        assert (await receive(client))["data"]["name"] == "x"
        await deferToThread(client.send, '{"op": "token", "data": {"token": "T-wrong"}}')
        assert await closed(client) == (4002, "authentication failed")
        for mistake in ("T-user", b"T-user", '{"op": "token", "token": "T-user"}'):
            client = await site.client()
            await deferToThread(client.send, mistake)
            assert await closed(client) == (4004, "")
        for refused in ("/?token=T-wrong", "/?token=T-user&version=3"):
            await closed(await site.connect(refused))
        by_header = await site.connect("/", additional_headers={"X-Auth-Token": "T-user"})
        assert (await receive(by_header))["op"] == "init"
        await deferToThread(by_header.close)  # else the gateway waits for its answer when it stops
        for lines in NO_REQUESTS:
            await deferToThread(refused_before_the_upgrade, site.gateway, *lines)
        site.auth.issue("T-faulty", uuid=None)
        await closed(await site.connect("/?token=T-faulty"))
        await site.auth.stop()
        await closed(await site.connect("/?token=T-unasked"))
        await deferToThread(site.gateway.stop)
        log = site.gateway.log
    assert log.count("is loud") == (2 if loud else 0)
    secrets = ("T-", "opensesame", b64encode(b"gateway:opensesame").decode(), "Traceback")
    assert [line for line in log.splitlines() if any(secret in line for secret in secrets)] == []


UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nX-Auth-Token: T-user"
NO_REQUESTS = (
    ("GET /?token=T-user HTTP/1.1", "Host: a", UPGRADE),
    ("GET /?token=T-user HTTP/1.1", "Host: a", UPGRADE, "Sec-WebSocket-Version: 12"),
    ("GET /?token=T-user HTTP/1.1", "Host: a", UPGRADE, "Sec-WebSocket-Version: 13"),
    ("GET /?token=T-user HTTP/1.1", "Host: a", UPGRADE, "Sec-WebSocket-Version: T-user"),
    ("GET /?token=T-user HTTP/1.1", "Host: a:T-user", UPGRADE),
    ("GET /?token=T-user#T-user HTTP/1.1", "Host: a", UPGRADE),
    ("GET /?token=T-user HTTP/9", "Host: a", UPGRADE),
    ("GET /?token=T-user&é HTTP/1.1", "Host: a", UPGRADE),
    ("POST /?token=T-user HTTP/1.1", "Host: a", UPGRADE),
    ("T-user", UPGRADE),
    ("GET /?token=T-user HTTP/1.1", "Host: a", "X-Auth-Token: T-user", "Connection: close"),
    ("GET /none?token=T-user HTTP/1.1", "Host: a", "Connection: close"),
    ("GET /" + "T-user" * 10000,),
)
"""Request lines and headers that open no WebSocket."""


def refused_before_the_upgrade(gateway, *lines):
    """Send the head of a request and see the connection end without one."""
    with gateway.dial() as raw:
        raw.sendall("\r\n".join((*lines, "", "")).encode())
        heard = b""
        while data := raw.recv(65536):
            heard += data
    assert b" 101 " not in heard


@ensureDeferred
async def test_the_static_strategy_asks_briefly_and_closes_a_revoked_token(rabbitmq, tmp_path):
    async with running(rabbitmq, tmp_path, strategy="static") as site:
        client = await site.client()
        await site.auth.requested(len(site.auth.requests) + 2)
        assert [request.method for request in site.auth.requests[-2:]] == ["HEAD", "HEAD"]
        site.auth.revoke("T-user")
        assert await closed(client) == (4003, "authentication expired")


@ensureDeferred
async def test_on_the_topic_exchange_name_and_acl_in_the_body_decide(rabbitmq, tmp_path):
    async with running(rabbitmq, tmp_path, kind="topic") as site:
        clients = {
            "user": await site.client("T-user", version=1),
            "other": await site.client("T-other", version=1),
        }
        await site.publish("hidden")
        await site.publish("foreign", required_acl=None, origin_uuid="there")
        await site.publish("seen", required_acl="events.seen")
        for client in clients.values():
            assert (await receive(client)) == {"name": "seen", "required_acl": "events.seen"}
            await deferToThread(client.close)


def test_a_wrong_password_is_one_clear_line(rabbitmq, tmp_path):
    key, crt = write_pair(tmp_path)
    text = CONFIG.format(
        key=key, crt=crt, endpoint=rabbitmq.endpoint, exchange="e", kind="headers", port=1, strategy="dynamic"
    ).replace("bus: {", 'bus: {username: nobody, password: "s3cret", ')
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.wait_for("ACCESS_REFUSED|refused")
        with gateway.connect("/") as client, pytest.raises(ConnectionClosed) as end:
            client.recv(DEADLINE)
        assert end.value.rcvd.code == 4001
    assert "s3cret" not in gateway.log
    assert "Traceback" not in gateway.log
