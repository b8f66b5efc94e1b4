"""Peers behind real proxies have their own addresses; other clients cannot claim an address."""

import json
import re
import socket
import struct
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.test_isymphony import basic
from tests.integration.test_workers import shared, started
from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.haproxy import balancing
from tests.support.isymphony_accounts import PATH, quick_hash
from tests.support.nginx import terminating
from tests.support.websocket_client import Client, trusting
from wsevents.api.errors import ConfigurationError
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "operating" / "proxies.md").read_text()
(NGINX,) = re.findall(r"^```nginx\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TOKEN = "?token=s3cret-user&version=2"
TRUSTED = "\ntrusted_proxies: [127.0.0.1]\n"
OVER = r"session closed: (\S+) (\S+) "
PEER = "127.0.0.33"
HAPROXY = """
defaults
    mode tcp
    timeout connect 60s
    timeout client 60s
    timeout server 60s

frontend wsevents
    bind :9502
    default_backend gateways

backend gateways
    server gateway1 {address} {option}
"""

ISYMPHONY = """
dialects:
  wazo: {}
  isymphony:
    allow: [127.0.0.33]
    users:
      one: {password_hash: HASH, tenant_uuid: t1, acl: ["#"]}
""".replace("HASH", quick_hash("pw"))


def behind(text, kind="ssl"):
    """Return a configuration whose listener is for proxies on this machine, with TLS or not."""
    endpoint = "haproxy:ssl:" if kind == "ssl" else "haproxy:tcp:0:interface=127.0.0.1"
    return re.sub('"ssl:' if kind == "ssl" else '"ssl:[^"]*', f'"{endpoint}', text) + TRUSTED


def plain(folder, endpoint="tcp:0:interface=127.0.0.1"):
    """Return a configuration whose listener has no TLS."""
    return re.sub('"ssl:[^"]*"', f'"{endpoint}"', standalone(folder))


def dial(port, address=PEER):
    """Return a connection to a port of this machine, from an address of it."""
    return socket.create_connection(("127.0.0.1", port), DEADLINE, (address, 0))


def join(port, target="/" + TOKEN, address=PEER, header=b"", secure=True, **options):
    """Return a client, of an address of its own, that has said some bytes before all else."""
    raw = dial(port, address)
    raw.sendall(header)
    if secure:
        options |= {"ssl": trusting(), "server_hostname": "localhost"}
    return Client(f"ws{'s' if secure else ''}://localhost:{port}{target}", DEADLINE, sock=raw, **options)


def greet(client):
    with client:
        assert json.loads(client.recv(DEADLINE))["op"] == "init"


def introduced(address="192.0.2.7"):
    """Return a header of the PROXY protocol for a client address."""
    ends = socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 4711, 9502)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(ends)) + ends


def address(gateway):
    return f"127.0.0.1:{gateway.port}"


def complaints(gateway):
    return [line for line in gateway.log.splitlines() if "a connection from" in line]


# -- haproxy, which leaves TLS alone


@pytest.mark.parametrize("kind", ["ssl", "tcp"])
@pytest.mark.parametrize("option", ["send-proxy-v2", "send-proxy"])
def test_behind_haproxy_a_peer_has_its_own_address(tmp_path, kind, option):
    with GatewayProcess(tmp_path, behind(standalone(tmp_path), kind)) as gateway:
        text = HAPROXY.format(address=address(gateway.ready()), option=option)
        with balancing(tmp_path, text, ":9502") as haproxy:
            greet(join(haproxy.port, secure=kind == "ssl"))
        assert gateway.wait_for(OVER).groups() == ("wazo", PEER)


def test_haproxy_may_come_by_a_unix_socket(tmp_path):
    path = tmp_path / "wsevents.sock"
    text = plain(tmp_path, f"haproxy:unix:{path}") + "trusted_proxies: [unix]\n"
    with GatewayProcess(tmp_path, text) as gateway:
        text = HAPROXY.format(address=gateway.ready() and f"unix@{path}", option="send-proxy-v2")
        with balancing(tmp_path, text, ":9502") as haproxy:
            greet(join(haproxy.port, secure=False))
        assert gateway.wait_for(OVER).groups() == ("wazo", PEER)


@pytest.mark.parametrize("option", ["send-proxy-v2", "send-proxy"])
def test_its_checks_in_which_it_speaks_for_itself_find_the_gateway_well(tmp_path, option):
    with GatewayProcess(tmp_path, behind(standalone(tmp_path))) as gateway:
        option += " check check-ssl verify none check-send-proxy inter 1s"
        text = HAPROXY.format(address=address(gateway.ready()), option=option)
        text = text.replace("backend gateways\n", "backend gateways\n    option httpchk GET /\n")
        with balancing(tmp_path, text, ":9502") as haproxy:
            haproxy.wait_for("gateways/gateway1 succeeded, reason: Layer7 check passed, code: 200")
        assert complaints(gateway) == []


def test_without_send_proxy_nobody_gets_in_and_a_line_says_why(tmp_path):
    with GatewayProcess(tmp_path, behind(standalone(tmp_path))) as gateway:
        text = HAPROXY.format(address=address(gateway.ready()), option="")
        with balancing(tmp_path, text, ":9502") as haproxy, pytest.raises(OSError):
            join(haproxy.port)
        gateway.wait_for("a connection from 127.0.0.1 was rejected: no valid PROXY header")


@pytest.mark.parametrize("kind", ["ssl", "tcp"])
def test_workers_know_peers_behind_haproxy_by_their_own_addresses(tmp_path, rabbitmq, kind):
    with started(tmp_path, behind(shared(tmp_path, rabbitmq), kind)) as gateway:
        text = HAPROXY.format(address=address(gateway), option="send-proxy-v2")
        with balancing(tmp_path, text, ":9502") as haproxy:
            for number in (33, 34):
                greet(join(haproxy.port, address=f"127.0.0.{number}", secure=kind == "ssl"))
        for number in (33, 34):
            gateway.wait_for(rf"worker \d: session closed: wazo 127\.0\.0\.{number} ")


@pytest.mark.parametrize(("option", "is_own"), [("send-proxy-v2-ssl", True), ("send-proxy-v2", False)])
def test_where_haproxy_takes_tls_off_it_tells_so_or_a_page_is_not_the_gateways_own(tmp_path, option, is_own):
    text = behind(standalone(tmp_path), "tcp") + ISYMPHONY
    pem = tmp_path / "both.pem"
    pem.write_bytes((tmp_path / "server.crt").read_bytes() + (tmp_path / "server.key").read_bytes())
    with GatewayProcess(tmp_path, text) as gateway:
        text = HAPROXY.format(address=address(gateway.ready()), option=option)
        text = text.replace("bind :9502", f"bind :9502 ssl crt {pem}")
        with balancing(tmp_path, text, ":9502") as haproxy:
            own = {"origin": f"https://localhost:{haproxy.port}"}
            own["additional_headers"] = {"Authorization": basic("one", "pw")}
            if is_own:
                join(haproxy.port, PATH, **own).close()
            else:
                with pytest.raises(InvalidStatus) as refused:
                    join(haproxy.port, PATH, **own)
                assert refused.value.response.status_code == 403


# -- untrusted clients of a listener for proxies


def test_a_stranger_cannot_speak_for_anybody(tmp_path):
    with GatewayProcess(tmp_path, behind(standalone(tmp_path))) as gateway:
        for _ in range(3):
            with pytest.raises(OSError):
                join(gateway.ready().port, header=introduced())
        greet(join(gateway.port, address="127.0.0.1", header=introduced()))
        assert gateway.wait_for(OVER)[2] == "192.0.2.7"
        (line,) = complaints(gateway)
        assert f"a connection from {PEER} was rejected: its address is not in trusted_proxies, and" in line


@pytest.mark.parametrize("kind", ["ssl", "tcp"])
def test_nonsense_from_a_proxy_costs_its_connection_only(tmp_path, kind):
    text = behind(standalone(tmp_path), kind) + "limits: {handshake_seconds: 1}\n"
    with GatewayProcess(tmp_path, text) as gateway:
        port = gateway.ready().port
        junk = [b"PROXY " + b"x" * 200, SIGNATURE + b"\x99" * 20, b"\0", b"GET / HTTP/1.1\r\n\r\n"]
        late = [b"", b"PROXY TCP4", SIGNATURE, introduced()[:-1], introduced(), b"PROXY UNKNOWN\r\n"]
        after = [
            introduced() + b"\x16\x03\x01junk",
            introduced() + b"\0" * 50,
            introduced() + b"\r\n\r\nx: y",
        ]
        with ExitStack() as stack:
            connections = [stack.enter_context(dial(port, "127.0.0.1")) for _ in [*junk, *late, *after]]
            for raw, data in zip(connections, [*junk, *late, *after], strict=True):
                raw.sendall(data)
            for raw in connections:
                try:
                    while raw.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        greet(join(port, address="127.0.0.1", header=introduced(), secure=kind == "ssl"))
        gateway.stop()
        assert "Traceback" not in gateway.log
        assert not re.findall("#(warn|error|critical)]", gateway.log)
        assert "timeout of the PROXY header" in gateway.log


@pytest.mark.parametrize("kind", ["ssl", "tcp"])
def test_who_waits_for_his_turn_loses_nothing_of_what_he_has_said(tmp_path, kind):
    text = behind(standalone(tmp_path), kind) + "limits: {pending_handshakes: 1, handshake_seconds: 2}\n"
    with GatewayProcess(tmp_path, text) as gateway, dial(gateway.ready().port, "127.0.0.1") as silent:
        silent.sendall(introduced("192.0.2.1"))
        greet(join(gateway.port, address="127.0.0.1", header=introduced(), secure=kind == "ssl"))
        gateway.wait_for("a connection from 192.0.2.1 was rejected: timeout of the handshake")
        assert gateway.wait_for(OVER).groups() == ("wazo", "192.0.2.7")


def test_limits_by_address_are_for_those_behind_the_proxy(tmp_path):
    text = behind(standalone(tmp_path)) + "limits: {connections_per_address: 1}\n"
    with GatewayProcess(tmp_path, text) as gateway:
        options = {"port": gateway.ready().port, "address": "127.0.0.1"}
        with join(header=introduced("192.0.2.7"), **options) as first:
            first.recv(DEADLINE)
            with pytest.raises(OSError):
                join(header=introduced("192.0.2.7"), **options)
            greet(join(header=introduced("192.0.2.8"), **options))
        assert "from 192.0.2.7 was rejected: too many connections from its address" in gateway.log


def test_so_many_are_let_in_in_all(tmp_path):
    with GatewayProcess(tmp_path, standalone(tmp_path) + "limits: {connections: 1}\n") as gateway:
        with gateway.ready().connect("/" + TOKEN) as first:
            first.recv(DEADLINE)
            with pytest.raises(OSError):
                gateway.connect("/" + TOKEN)
        gateway.wait_for("session closed")
        gateway.wait_for("a connection from 127.0.0.1 was rejected: too many connections ")
        greet(gateway.connect("/" + TOKEN))


# -- nginx, which does TLS, as the documentation has it


@contextmanager
def nginx(folder, gateway=None, path=None):
    """Give the port of the documentation's nginx before a gateway."""
    (address,) = re.findall("http://([^/;]+)/;", NGINX)
    there = f"127.0.0.1:{gateway.port}" if path is None else f"unix:{path}:"
    text = NGINX.replace(address, there)
    text += "\nlocation / { proxy_pass http://%s; proxy_http_version 1.1; %s }" % (  # noqa: UP031 braces
        there,
        "".join(re.findall("proxy_set_header .*;", NGINX)),
    )
    with terminating(folder, text, folder / "server.key", folder / "server.crt") as port:
        yield port


def test_behind_nginx_a_peer_has_its_own_address_whatever_it_says_itself(tmp_path):
    text = plain(tmp_path) + TRUSTED + "limits: {connections_per_address: 1}\n"
    with GatewayProcess(tmp_path, text) as gateway, nginx(tmp_path, gateway.ready()) as port:
        target = "/api/websocketd/" + TOKEN
        forged = {"X-Forwarded-For": "198.51.100.1, 127.0.0.1"}
        with join(port, target, additional_headers=forged) as first:
            first.recv(DEADLINE)
            with pytest.raises(InvalidStatus) as refused:
                join(port, target)
            assert refused.value.response.status_code == 503
            greet(join(port, target, "127.0.0.34"))
        assert gateway.wait_for(OVER)[2] == "127.0.0.34"
        gateway.wait_for(f"session closed: wazo {PEER} ")
        assert f"a connection from {PEER} was rejected: too many connections from its address" in gateway.log


def test_what_somebody_else_says_is_ignored(tmp_path):
    with GatewayProcess(tmp_path, plain(tmp_path) + TRUSTED) as gateway:
        forged = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
        greet(join(gateway.ready().port, secure=False, additional_headers=forged))
        assert gateway.wait_for(OVER)[2] == PEER


@pytest.mark.parametrize("trusted", [True, False])
def test_behind_a_unix_socket_a_peer_has_its_own_address_if_that_is_trusted(tmp_path, trusted):
    path = tmp_path / "wsevents.sock"
    text = plain(tmp_path, f"unix:{path}") + ISYMPHONY + f"trusted_proxies: [{'unix' if trusted else ''}]\n"
    with GatewayProcess(tmp_path, text) as gateway, nginx(tmp_path, path=gateway.ready() and path) as port:
        credentials = {"Authorization": basic("one", "pw")}
        if not trusted:
            with pytest.raises(InvalidStatus) as refused:
                join(port, PATH, additional_headers=credentials)
            assert refused.value.response.status_code == 403
            return
        with join(port, PATH, additional_headers=credentials) as client:
            client.send('{"type": "filter", "filters": []}')
            assert json.loads(client.recv(DEADLINE))["type"] == "success"
        with pytest.raises(InvalidStatus):
            join(port, PATH, "127.0.0.34", additional_headers=credentials)
        # nginx speaks TLS for us: its word makes a page of https one of the gateway's own.
        own = {"origin": f"https://localhost:{port}", "additional_headers": credentials}
        with join(port, PATH, **own):
            pass
        own["origin"] = f"http://localhost:{port}"
        with pytest.raises(InvalidStatus):
            join(port, PATH, **own)
        assert gateway.wait_for(OVER).groups() == ("isymphony", PEER)


# -- the configuration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "listen: ['haproxy:tcp:9502']",
            "listen[0]: begins with haproxy: and so rejects every client; add",
        ),
        (
            "listen: [{endpoint: 'haproxy:tcp:9502'}]",
            "listen[0].endpoint: begins with haproxy: and so rejects",
        ),
        ("listen: ['haproxy:haproxy:tcp:9502']\ntrusted_proxies: [unix]", "begins with haproxy: twice"),
        ("listen: ['haproxy:tcp:99999']\ntrusted_proxies: [unix]", "listen[0]: has port 99999"),
        ("listen: ['haproxy:']\ntrusted_proxies: [unix]", "Unknown endpoint type: ''"),
        (
            "listen: ['tcp:1']\ntrusted_proxies: [proxy.example]",
            "trusted_proxies: has 'proxy.example', which is",
        ),
        ("listen: ['tcp:1']\ntrusted_proxies: [10.0.0.1/8]", "trusted_proxies: has '10.0.0.1/8', which is"),
        ("listen: ['tcp:1']\ntrusted_proxies: 127.0.0.1", "trusted_proxies: must be a list"),
        ("listen: ['tcp:1']\nlimits: {authentication_seconds: 0.5}", "must be 0, or from 1 to 86400"),
        ("listen: ['tcp:1']\nstatus: {endpoint: 'haproxy:tcp:1'}", "status.endpoint: must not begin with"),
        ("listen: ['tcp:1']\nlimits: {connections: -1}", "limits.connections: must be 0 or more"),
    ],
)
def test_a_mistake_is_one_line_that_names_key_and_remedy(text, said):
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "config.yml", Plugins(), {})
    assert said in caught.value.problems[0]
    assert len(caught.value.problems) == 1
