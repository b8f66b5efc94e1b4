"""iSymphony's clients at a real gateway: what the page of the protocol shows, done as it stands."""

import json
import re
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import ExitStack, suppress

import pytest
import websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.browser import browser
from tests.support.gateway_process import DEADLINE, GatewayProcess, loud_twistd, shared, standalone
from tests.support.isymphony_accounts import PATH, quick_hash
from tests.support.isymphony_page import MISTAKES, blocks, rows, section
from tests.support.publisher import publish
from tests.support.websocket_client import Client, trusting
from wsevents.core.password_hash import make
from wsevents.dialects.isymphony.authority import QUEUED_PER_USER, THREADS

__all__ = ["browser", "publish"]

PASSWORD = "s3cret-manager"
SLOW = make(PASSWORD, b"a salt of 16 byte").text()
DIALECTS = """
dialects:
  wazo: {{}}
  isymphony:
    users:
      manager: {{password_hash: {slow}, tenant_uuid: null, acl: ["#"]}}
      one: {{password_hash: {quick}, tenant_uuid: t1, acl: ["events.calls.#"]}}
      two: {{password_hash: {quick}, tenant_uuid: t2, acl: ["#"]}}
"""
HEAD = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
LOGIN = {"userId": "u", "username": "mikey", "userLoginId": "l", "ip": "127.0.0.1", "port": 57042}


def configuration(folder, more=""):
    return standalone(folder) + DIALECTS.format(slow=SLOW, quick=quick_hash("s3cret-pw")) + more


sharing = shared(lambda folder: GatewayProcess(folder, configuration(folder)))


@pytest.fixture
def gateway(sharing):
    return sharing.running()


def connect(gateway, user="manager", password=PASSWORD, path=PATH, **options):
    """Return a client that takes its credentials from the URL, as the API's pages have it."""
    url = f"wss://{user}:{password}@localhost:{gateway.port}{path}"
    return Client(url, DEADLINE, ssl=trusting(), **options)


def receive(client):
    return json.loads(client.recv(DEADLINE))


def ask(client, *pairs, **more):
    """Set filters; return what was received until their reply, and the reply."""
    filters = [{"property": name, "value": value} for name, value in pairs]
    client.send(json.dumps({"type": "filter", "filters": filters} | more))
    found = [receive(client)]
    while found[-1]["type"] not in {"success", "error"}:
        found.append(receive(client))
    return found[:-1], found[-1]


def basic(user, password):
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def answer(gateway, path=PATH, *headers):
    """Return the head of the answer to a request for a WebSocket."""
    with gateway.dial() as raw:
        raw.sendall(HEAD.format(path=path, more="".join(f"{one}\r\n" for one in headers)).encode())
        data = b""
        while b"\r\n\r\n" not in data and (more := raw.recv(4096)):
            data += more
    return data.decode().split("\r\n\r\n")[0]


# -- who may connect


def test_a_client_with_credentials_in_its_url_hears_events_at_once(gateway):
    with connect(gateway) as client:
        gateway.publish("userLogin", data=LOGIN)
        event = receive(client)
    assert isinstance(event.pop("time"), int)
    assert event == {"type": "userLogin", "coreServerId": None, **LOGIN}


def test_a_client_that_gives_no_credentials_unasked_is_told_how(gateway):
    for headers in ((), ("Authorization: Bearer x",), ("Authorization: Basic !",)):
        head = answer(gateway, PATH, *headers)
        assert head.startswith("HTTP/1.1 401 Unauthorized\r\n")
        assert 'WWW-Authenticate: Basic realm="iSymphony", charset="UTF-8"' in head


@pytest.mark.parametrize(
    ("user", "password"), [("manager", "s3cret-x"), ("nobody", PASSWORD), ("one", PASSWORD), ("manager", "")]
)
def test_wrong_credentials_are_refused(gateway, user, password):
    head = answer(gateway, PATH, f"Authorization: {basic(user, password)}")
    assert head.startswith("HTTP/1.1 401 ")
    assert "WWW-Authenticate: Basic" in head
    assert "s3cret" not in gateway.log


def test_a_header_does_as_well_as_a_url(gateway):
    url = f"wss://localhost:{gateway.port}{PATH}"
    header = [f"Authorization: {basic('manager', PASSWORD)}"]
    client = websocket.create_connection(url, DEADLINE, sslopt={"context": trusting()}, header=header)
    client.send('{"type": "filter", "filters": []}')
    assert json.loads(client.recv())["type"] == "success"
    client.close()


def test_another_address_is_refused_even_with_the_right_password(tmp_path):
    text = configuration(tmp_path, "    allow: [192.0.2.1]\n")
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        forwarded = ("X-Forwarded-For: 192.0.2.1", f"Authorization: {basic('manager', PASSWORD)}")
        assert answer(gateway, PATH, *forwarded).startswith("HTTP/1.1 403 ")
        assert answer(gateway).startswith("HTTP/1.1 403 ")


def test_a_listener_may_be_for_this_dialect_alone_and_without_tls(tmp_path):
    text = configuration(tmp_path)
    listener = 'listen: [{endpoint: "tcp:0:interface=127.0.0.1", dialects: [isymphony]}]\n'
    text = re.sub(r"(?m)^listen: .*\n", listener, text) + "    allowed_origins: ['https://a.example']\n"
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        url = f"ws://manager:{PASSWORD}@localhost:{gateway.port}"
        with Client(url + PATH, DEADLINE, origin="https://a.example") as client:
            assert ask(client)[1]["type"] == "success"
        for refused, options in ((PATH + "/", {}), ("/", {}), (PATH, {"origin": "https://b.example"})):
            with pytest.raises(InvalidStatus) as caught:
                Client(url + refused, DEADLINE, **options)
            assert caught.value.response.status_code == (403 if options else 404)


def test_wazo_keeps_all_other_paths(gateway):
    with gateway.connect("/?token=s3cret-user") as client:
        assert receive(client)["op"] == "init"
    with gateway.connect(PATH + "/?token=s3cret-user") as client:
        assert receive(client)["op"] == "init"


def test_every_way_to_be_refused_is_documented():
    assert len(rows("Connect")) == 6
    assert all(f"HTTP {code}" in section("Connect") for code in (401, 403, 404, 503))


def test_a_flood_of_wrong_passwords_disturbs_nobody(tmp_path):
    """During a flood of password checks, Wazo's clients receive events and other users log in."""
    text = configuration(tmp_path) + "limits: {handshake_seconds: 60}\n"  # however slow this machine is
    # Slow enough to keep the line full on a busy machine, and faster than a real one.
    text = text.replace(SLOW, quick_hash(PASSWORD, costs=(8192, 8, 1)))
    with GatewayProcess(tmp_path, text) as gateway:
        flooded(gateway.ready())
    assert "Traceback" not in gateway.log
    assert "s3cret" not in gateway.log


def flooded(gateway):
    over, tried = threading.Event(), []

    def flood(number):
        while not over.is_set():
            head = answer(
                gateway, PATH, f"Authorization: {basic('manager', f's3cret-{number}-{len(tried)}')}"
            )
            tried.append(head[9:12])

    with ExitStack() as stack:
        wazo = stack.enter_context(gateway.connect("/?token=s3cret-user&version=2"))
        for command in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
            wazo.send(command)
        assert [receive(wazo)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        threads = [
            threading.Thread(target=flood, args=(number,)) for number in range(THREADS + QUEUED_PER_USER + 4)
        ]
        stack.callback(lambda: [thread.join(DEADLINE) for thread in threads])
        stack.callback(over.set)
        for thread in threads:
            thread.start()
        while "503" not in tried:
            gateway.publish("call_held")
            assert receive(wazo)["data"]["name"] == "call_held"
        other = stack.enter_context(connect(gateway, "one", "s3cret-pw"))
        assert ask(other)[1]["type"] == "success"
        manager = None
        while manager is None:  # the same user from the same address: let in within some tries
            with suppress(InvalidStatus):
                manager = stack.enter_context(connect(gateway))
        for _ in range(5):  # and from then on each time
            stack.enter_context(connect(gateway))
    assert set(tried) == {"401", "503"}


# -- filters and mistakes


def test_filters_are_replied_to_before_their_first_event_and_after_the_last_of_the_old(gateway):
    with connect(gateway) as client:
        gateway.publish("call_created")
        gateway.publish("userLogin", data=LOGIN)
        before, reply = ask(client, ("type", "userLogin"), ("username", "*"), correlationId="123456")
        assert [event["type"] for event in before] == ["dial", "userLogin"]
        assert (reply["type"], reply["correlationId"]) == ("success", "123456")
        gateway.publish("call_created")
        gateway.publish("userLogin", data=LOGIN | {"username": None})
        gateway.publish("userLogin", data=LOGIN)
        assert receive(client)["username"] == "mikey"
        before, reply = ask(client)
        assert (before, reply["correlationId"]) == ([], None)
        gateway.publish("call_created")
        assert receive(client)["type"] == "dial"


def test_each_documented_mistake_is_replied_to_and_changes_nothing_for_anybody(gateway):
    assert len(MISTAKES) == 23
    with connect(gateway) as client, connect(gateway) as bystander:
        ask(client, ("type", "userLogin"))
        for message, error in MISTAKES:
            client.send(message)
            reply = receive(client)
            assert (reply["type"], reply["error"]) == ("error", error)
        gateway.publish("call_created")
        gateway.publish("userLogin", data=LOGIN)
        assert receive(client)["type"] == "userLogin"
        assert [receive(bystander)["type"] for _ in range(2)] == ["dial", "userLogin"]
    gateway.stop()
    assert "Traceback" not in gateway.log


def test_the_documented_filter_message_is_taken(gateway):
    request, reply = blocks("json")[:2]
    with connect(gateway) as client:
        client.send(request)
        said = client.recv(DEADLINE)
    assert re.sub(r'"time":\d+', '"time":0', said) == re.sub(r'"time":\d+', '"time":0', reply.strip())


def test_tenant_and_acl_hold(gateway):
    with (
        connect(gateway) as all_,
        connect(gateway, "one", "s3cret-pw") as one,
        connect(gateway, "two", "s3cret-pw") as two,
    ):
        gateway.publish("a", required_acl="events.calls.x")
        gateway.publish("b", required_acl="events.other")
        gateway.publish("c", "s3cret-other", required_acl="events.calls.x")
        gateway.publish("d", required_acl=None)
        assert [receive(all_)["type"] for _ in range(4)] == ["a", "b", "c", "d"]
        assert [receive(one)["type"] for _ in range(2)] == ["a", "d"]
        assert receive(two)["type"] == "c"


def test_a_message_that_is_too_big_ends_only_its_own_session(gateway):
    with connect(gateway) as client, connect(gateway) as bystander:
        with pytest.raises(ConnectionClosed) as closed:
            client.send('{"type": "filter", "x": "' + "x" * 1048577 + '"}')
            client.recv(DEADLINE)
        assert closed.value.rcvd.code == 1009
        assert ask(bystander)[1]["type"] == "success"


def test_a_big_set_of_filters_is_taken_and_works(gateway):
    with connect(gateway) as client:
        pairs = [("type", f"t{number}") for number in range(10000)]
        assert ask(client, *pairs)[1]["type"] == "success"
        gateway.publish("u1")
        gateway.publish("t9999")
        assert receive(client)["type"] == "t9999"


def test_nothing_of_a_password_is_logged_however_loud_it_is(tmp_path):
    with GatewayProcess(tmp_path, configuration(tmp_path), loud_twistd(tmp_path)) as gateway:
        gateway.ready()
        with connect(gateway) as client:
            ask(client)
        answer(gateway, PATH, f"Authorization: {basic('manager', 's3cret-x')}")
        answer(gateway, PATH, f"Authorization: Basic {basic('s3cret', 's3cret')}")
    log = gateway.log
    assert log.count("is loud") == 2
    assert "user=manager" in log
    for secret in (
        "s3cret-",
        basic("manager", PASSWORD)[6:],
        basic("manager", "s3cret-x")[6:],
        SLOW,
        SLOW.split("$")[-1],
    ):
        assert secret not in log


# -- the bus and the end


def test_a_lost_bus_ends_the_session_with_1011(tmp_path, rabbitmq, publish):
    text = configuration(tmp_path).replace("type: memory", f"endpoint: '{rabbitmq.endpoint}'")
    with GatewayProcess(tmp_path, text) as gateway:
        gateway.ready()
        with connect(gateway) as client:
            assert ask(client, ("type", "callHeld"))[1]["type"] == "success"
            publish("call_created")
            publish("call_held")
            assert receive(client)["type"] == "callHeld"
            since = len(gateway.log)
            rabbitmq.control("close_all_connections", "test")
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(DEADLINE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "bus connection lost")
        gateway.ready(since)
        with connect(gateway) as client:
            assert ask(client)[1]["type"] == "success"


def test_several_processes_each_let_in_and_relay(tmp_path, rabbitmq, publish):
    bus = f"workers: 2\nbus: {{endpoint: '{rabbitmq.endpoint}'}}"
    text = configuration(tmp_path).replace("bus: {type: memory}", bus)
    with GatewayProcess(tmp_path, text) as gateway:
        for number in (1, 2):
            gateway.wait_for(f"worker {number}: the bus is up")
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(gateway)) for _ in range(6)]
            for client in clients:
                assert ask(client, ("type", "callHeld"))[1]["type"] == "success"
            publish("call_held")
            assert [receive(client)["type"] for client in clients] == ["callHeld"] * len(clients)
    assert gateway.log.count("session closed: isymphony") == len(clients)
    assert "Traceback" not in gateway.log


# -- the documented clients


def test_the_client_in_python_prints_calls_until_the_end(gateway):
    (example,) = blocks("python")
    url = f"wss://manager:{PASSWORD}@localhost:{gateway.port}{PATH}"
    with subprocess.Popen(
        [sys.executable, "-c", example, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout.readline() == "filters are set: calls\n"
        gateway.publish("call_held")
        gateway.publish("call_created", data={"caller_id_number": "1001"})
        gateway.publish("call_ended", data={"caller_id_number": "1002"})
        assert [client.stdout.readline() for _ in range(2)] == ["dial 1001\n", "hangup 1002\n"]
        gateway.stop()
        assert client.stdout.read() == ""
        assert client.wait(DEADLINE) == 0, client.stderr.read()


def test_the_widget_in_a_browser_hears_logins_and_why_it_ended(browser, gateway):
    (example,) = blocks("javascript")
    browser.open(f"https://localhost:{gateway.port}/")
    browser.run("window.said = []; console.log = (...words) => said.push(words);")
    browser.run(f"const password = {PASSWORD!r}; {example}")

    def said(count):
        return browser.until(lambda: browser.run(f"return said.length >= {count} && said"), f"{count} lines")

    assert said(1) == [["ready", "logins"]]
    gateway.publish("call_created")
    gateway.publish("userLogin", data=LOGIN | {"username": None})
    gateway.publish("userLogin", data=LOGIN | {"time": 1436889915953})
    gateway.publish("userLogout", data=LOGIN | {"username": "bob", "time": 1436889915954})
    assert said(3)[1:] == [
        ["userLogin", "mikey", "2015-07-14T16:05:15.953Z"],
        ["userLogout", "bob", "2015-07-14T16:05:15.954Z"],
    ]
    gateway.stop()
    assert said(4)[3] == ["closed", 1001, ""]


def test_a_widget_with_a_wrong_password_is_not_let_in(browser, gateway):
    (example,) = blocks("javascript")
    browser.open(f"https://localhost:{gateway.port}/")
    browser.run("window.said = []; console.log = (...words) => said.push(words);")
    browser.run(f"const password = 's3cret-x'; {example}")
    assert browser.until(lambda: browser.run("return said.length && said"), "the end") == [
        ["closed", 1006, ""]
    ]
